// The same module as `require('hegar-native')` gives, so that a program that uses both has one set of pools.
import hegar from './index.js'

export const {
  createPool,
  HegarError,
  HegarTypeError,
  getPaginationParams,
  getCursorParams,
  sortClause,
  sortKeyset,
  pageSummary,
  pageLinks,
} = hegar
export default hegar
