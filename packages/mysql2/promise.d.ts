export * from 'hegar-native/mysql2/promise'
