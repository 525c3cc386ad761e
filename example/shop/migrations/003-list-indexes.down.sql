DROP INDEX idx_tag_product_name ON tag_product;
DROP INDEX idx_category_product_name ON category_product;
DROP INDEX idx_product_review_review_rating ON product_review;
DROP INDEX idx_order_details_product_review ON order_details;
DROP INDEX idx_products_status_prices ON products;
DROP INDEX idx_products_status_sale ON products;
DROP INDEX idx_products_status_regular ON products;
DROP INDEX idx_products_status_released ON products;
