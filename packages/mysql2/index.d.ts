export * from 'hegar-native/mysql2'
