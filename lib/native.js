'use strict'

module.exports = load()

// The loader that the napi CLI generates finds the library for this platform; its own message lists what it tried.
function load() {
  try {
    return require('../native.js')
  } catch (cause) {
    throw new Error(help(), { cause })
  }
}

function help() {
  const { platform, arch, version } = process
  return [
    `hegar-native could not load its library for ${platform} ${arch} (Node ${version}). Possible causes:`,
    '- It has not been built in this checkout: run `npm run build`, which needs Rust from https://rustup.rs.',
    '- The package for this platform is missing: reinstall without `--omit=optional` or `--no-optional`.',
    '- node_modules came from another platform: delete it and run `npm ci` here.',
    '- NAPI_RS_NATIVE_LIBRARY_PATH points to a file that is not this library: unset it.',
    'The reason of each attempt is in the `cause` of this error.',
  ].join('\n')
}
