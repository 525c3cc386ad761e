-- Indexes that hold the product list in each of its sort orders, so that a page's ids are read from the index
-- alone. InnoDB ends every secondary index with the primary key, which makes the order total.
CREATE INDEX idx_products_status_released ON products (status_id, released_date);
CREATE INDEX idx_products_status_regular ON products (status_id, regular_price);
CREATE INDEX idx_products_status_sale ON products (status_id, sale_price);
CREATE INDEX idx_products_status_prices ON products (status_id, regular_price, sale_price);

-- The reviews of a product, counted and averaged without reading a row of either table.
CREATE INDEX idx_order_details_product_review ON order_details (product_id, review_id);
CREATE INDEX idx_product_review_review_rating ON product_review (review_id, rating);

-- The filters by name
CREATE INDEX idx_category_product_name ON category_product (name(50));
CREATE INDEX idx_tag_product_name ON tag_product (name(50));
