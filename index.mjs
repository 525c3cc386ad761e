// The same module as `require('hegar-native')` gives, so that a program that uses both has one set of pools.
export * from './index.js'
export { default } from './index.js'
