'use strict'

const NAME = '[a-zA-Z_:][a-zA-Z0-9_:]*'
const LABEL = String.raw`[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\[\\n"])*"`
const VALUE = String.raw`[+-]?(?:\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|Inf)|NaN`
const SAMPLE = new RegExp(`^(${NAME})(?:\\{(${LABEL}(?:,${LABEL})*,?)?\\})? (${VALUE})(?: -?\\d+)?$`)
const SUFFIXES = { histogram: ['_bucket', '_sum', '_count'], summary: ['', '_sum', '_count'] }

/**
 * Reads Prometheus' text format 0.0.4 by its grammar: `{types, samples}`, a Map of declared types and a Map from a
 * sample with its labels to its value. Throws on everything that Prometheus would refuse: a line that is none, a
 * name declared twice, a sample apart from its family or twice, a histogram whose buckets fall or lack +Inf.
 */
function readExposition(text) {
  if (!text.endsWith('\n')) throw new Error('the last line has no end')
  const types = new Map()
  const helps = new Set()
  const samples = new Map()
  const closed = new Set()
  let current = null
  const enter = (family) => {
    if (family === current) return
    if (closed.has(family)) throw new Error(`the lines of ${family} do not stand together`)
    if (current !== null) closed.add(current)
    current = family
  }
  for (const line of text.split('\n').slice(0, -1)) {
    const declared = new RegExp(`^# (HELP|TYPE) (${NAME}) (.*)$`).exec(line)
    if (declared) {
      const [, word, name, rest] = declared
      enter(name)
      const known = word === 'TYPE' ? types.has(name) : helps.has(name)
      if (known) throw new Error(`${word} of ${name} is told twice`)
      if (word === 'HELP') helps.add(name)
      else if (/^(counter|gauge|histogram|summary|untyped)$/.test(rest)) types.set(name, rest)
      else throw new Error(`no type: ${line}`)
      continue
    }
    if (line === '' || line.startsWith('#')) continue
    const sample = SAMPLE.exec(line)
    if (!sample) throw new Error(`no sample: ${line}`)
    const [, name, labels = '', value] = sample
    enter(familyOf(name, types))
    const key = `${name}{${labels}}`
    if (samples.has(key)) throw new Error(`told twice: ${key}`)
    samples.set(key, Number(value.replace('Inf', 'Infinity')))
  }
  checkHistograms(types, samples)
  return { types, samples }
}

function familyOf(name, types) {
  for (const [family, type] of types) {
    if ((SUFFIXES[type] ?? ['']).some((suffix) => name === family + suffix)) return family
  }
  return name
}

function checkHistograms(types, samples) {
  const series = new Map()
  for (const [key, value] of samples) {
    const bucket = /^(.*)_bucket\{(.*?),?le="([^"]*)",?(.*)\}$/.exec(key)
    if (!bucket || types.get(bucket[1]) !== 'histogram') continue
    const id = `${bucket[1]}_count{${[bucket[2], bucket[4]].filter(Boolean).join(',')}}`
    const bound = Number(bucket[3].replace('Inf', 'Infinity'))
    series.set(id, [...(series.get(id) ?? []), [bound, value]])
  }
  for (const [id, buckets] of series) {
    for (let index = 1; index < buckets.length; index++) {
      const [[lower, fewer], [upper, more]] = [buckets[index - 1], buckets[index]]
      if (upper <= lower || more < fewer) throw new Error(`the buckets of ${id} fall`)
    }
    const [bound, all] = buckets.at(-1)
    if (bound !== Infinity) throw new Error(`${id} has no bucket +Inf`)
    if (samples.get(id) !== all) throw new Error(`${id} is not what its last bucket says`)
  }
}

module.exports = { readExposition }
