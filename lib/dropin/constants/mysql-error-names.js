'use strict'

const { codeOf } = require('../../error-codes.js')

// The servers' errors that mysql knows: those of MySQL 5.7, by first and last number.
const KNOWN = [
  [1, 7],
  [9, 34],
  [120, 124],
  [126, 128],
  [130, 201],
  [1000, 1888],
  [3000, 3230],
]
// How MySQL named things before it renamed them.
const BEFORE = [
  [/(?<!DATA)_SOURCE(?![A-Z])/, '_MASTER'],
  [/_REPLICA(?![A-Z])/, '_SLAVE'],
  [/_MTA(?![A-Z])/, '_MTS'],
  [/_CONNECTION_METADATA/, '_MASTER_INFO'],
]
const RENAMED = {
  1150: 'ER_DELAYED_CANT_CHANGE_LOCK',
  1151: 'ER_TOO_MANY_DELAYED_THREADS',
  1165: 'ER_DELAYED_INSERT_TABLE_LOCKED',
  1593: 'ER_SLAVE_FATAL_ERROR',
  1669: 'ER_BINLOG_UNSAFE_INSERT_DELAYED',
  1787: 'ER_GTID_UNSAFE_CREATE_DROP_TEMPORARY_TABLE_IN_TRANSACTION',
  1834: 'ER_FK_CANNOT_DELETE_PARENT',
  1837: 'ER_GTID_NEXT_TYPE_UNDEFINED_GROUP',
  1852: 'ER_ALTER_OPERATION_NOT_SUPPORTED_REASON_IGNORE',
  1871: 'ER_SLAVE_MI_INIT_REPOSITORY',
  1872: 'ER_SLAVE_RLI_INIT_REPOSITORY',
  1884: 'ER_GTID_UNSAFE_BINLOG_SPLITTABLE_STATEMENT_AND_GTID_GROUP',
  1888: 'ER_FOUND_MISSING_GTIDS',
  3116: 'ER_CANT_SET_ENFORCE_GTID_CONSISTENCY_ON_WITH_ONGOING_GTID_VIOLATING_TRANSACTIONS',
  3117: 'ER_SET_ENFORCE_GTID_CONSISTENCY_WARN_WITH_ONGOING_GTID_VIOLATING_TRANSACTIONS',
}

/** The name of a server's error in mysql, which knows none that came later. */
function mysqlNameOf(errno) {
  if (!KNOWN.some(([first, last]) => errno >= first && errno <= last)) return 'UNKNOWN_CODE_PLEASE_REPORT'
  return RENAMED[errno] ?? BEFORE.reduce((name, [now, then]) => name.replace(now, then), codeOf(errno))
}

module.exports = { mysqlNameOf }
