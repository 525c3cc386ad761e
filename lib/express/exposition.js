'use strict'

// The figures of a cache of answers in Prometheus' text format. No key and no path is in a label.

const FIGURES = [
  ['hits', 'Answers that were given from the cache.'],
  ['stale', 'Of these, answers past their time that were given while another was made.'],
  ['misses', 'Requests for which a handler was run.'],
  ['collapsed', 'Requests that waited for the handler of another.'],
  ['remoteHits', 'Answers that another process had made.'],
  ['revalidated', 'Answers that a handler said to be the same still.'],
  ['grace', 'Answers past their time that were given in place of an error.'],
  ['frontHits', 'Answers that were given before the app was entered.'],
  ['variants', 'Bodies that were compressed.'],
  ['stored', 'Answers that were kept.'],
  ['fenced', 'Answers that were not kept because of a write while they were made.'],
  ['tooLarge', 'Answers that were not kept because of their size.'],
  ['failures', 'Answers that could not be kept by a defect.'],
  ['evicted', 'Answers that made room for others.'],
]

function exposition(stats) {
  const lines = []
  const add = (name, type, help, samples) => {
    lines.push(`# HELP hegar_http_cache_${name} ${help}`, `# TYPE hegar_http_cache_${name} ${type}`)
    for (const [labels, value] of samples) lines.push(`hegar_http_cache_${name}${labels} ${value}`)
  }
  for (const [key, help] of FIGURES) {
    const name = key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
    add(`${name}_total`, 'counter', help, [['', stats[key]]])
  }
  const reasons = (counts) => Object.entries(counts).map(([why, count]) => [`{reason="${why}"}`, count])
  add('bypassed_total', 'counter', 'Requests that had nothing to do with the cache.', reasons(stats.bypassed))
  add('refused_total', 'counter', 'Answers that were not to be kept.', reasons(stats.refused))
  add('entries', 'gauge', 'Answers that are kept.', [['', stats.entries]])
  add('bytes', 'gauge', 'The memory that they take.', [['', stats.bytes]])
  add('max_bytes', 'gauge', 'The memory that they may take.', [['', stats.maxBytes]])
  return `${lines.join('\n')}\n`
}

module.exports = { exposition }
