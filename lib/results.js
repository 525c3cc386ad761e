'use strict'

/** What a statement did, in mysql2's names; rows stay rows. */
function plain(result) {
  if (Array.isArray(result) || result.columns !== undefined) return result
  const { affectedRows, insertId, info, warningStatus } = result
  return {
    affectedRows,
    insertId,
    info,
    warningStatus,
    changedRows: Number(/Changed: (\d+)/.exec(info)?.[1] ?? 0),
  }
}

module.exports = { plain }
