'use strict'

module.exports = require('hegar-native/mysql')
