// What `import` gives: the same as `require`, and all of it as the default.
export * from './index.js'
import * as hegar from './index.js'
export default hegar
