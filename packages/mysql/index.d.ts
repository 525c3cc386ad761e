export * from 'hegar-native/mysql'
