-- The indexes of the performance plan, and those its joins need. TEXT columns are indexed by a prefix that is
-- long enough to tell their values apart.

-- Products
CREATE INDEX idx_products_status ON products (status_id);
CREATE INDEX idx_products_store ON products (store_id);
CREATE INDEX idx_products_name ON products (name(100));
CREATE INDEX idx_products_released_date ON products (released_date DESC);
CREATE INDEX idx_products_status_store ON products (status_id, store_id);
CREATE INDEX idx_products_status_name ON products (status_id, name(100));

-- What belongs to a product
CREATE INDEX idx_product_category_product ON product_category (product_id);
CREATE INDEX idx_product_category_category ON product_category (category_id);
CREATE INDEX idx_product_tag_product ON product_tag (product_id);
CREATE INDEX idx_product_tag_tag ON product_tag (tag_id);
CREATE INDEX idx_product_image_product ON product_image (product_id);

-- Reviews and sales
CREATE INDEX idx_order_details_product ON order_details (product_id);
CREATE INDEX idx_order_details_review ON order_details (review_id);
CREATE INDEX idx_product_review_rating ON product_review (rating);

-- The joins over text keys, which the plan leaves without an index
CREATE INDEX idx_orders_order_number ON orders (order_number(40));
CREATE INDEX idx_order_details_order_number ON order_details (order_number(40));
CREATE INDEX idx_shipping_order_order_number ON shipping_order (order_number(40));
CREATE INDEX idx_stores_user ON stores (user_id);
