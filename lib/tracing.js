'use strict'

const { tracingChannel } = require('node:diagnostics_channel')

/**
 * Where tools may listen, as `hegar-native:query` and so on; index.d.ts has the names and what is told. Nothing is made
 * for them while nobody does.
 */
const query = tracingChannel('hegar-native:query')
const transaction = tracingChannel('hegar-native:transaction')
const acquire = tracingChannel('hegar-native:acquire')
const connect = tracingChannel('hegar-native:connect')

// TracingChannel has a getter for this since Node 20.13 only.
function isWatched({ start, end, asyncStart, asyncEnd, error }) {
  return (
    start.hasSubscribers ||
    end.hasSubscribers ||
    asyncStart.hasSubscribers ||
    asyncEnd.hasSubscribers ||
    error.hasSubscribers
  )
}

/** Runs `work()`, which gives a promise, between the events of a channel; `attributes` become part of their context. */
function traced(channel, attributes, work) {
  const context = { ...attributes }
  return channel.tracePromise(async () => {
    try {
      const result = await work()
      if (Array.isArray(result)) context['db.response.returned_rows'] = result.length
      return result
    } catch (error) {
      describe(error, context)
      throw error
    }
  }, context)
}

/** Tells of something that is over: `durationMs` from `startedAt` on, with an error or without. */
function tellAfterwards(channel, context, error) {
  channel.start.publish(context)
  channel.end.publish(context)
  if (error !== undefined) {
    context.error = error
    describe(error, context)
    channel.error.publish(context)
  }
  channel.asyncStart.publish(context)
  channel.asyncEnd.publish(context)
}

function describe(error, context) {
  context['error.type'] = error?.code ?? error?.name ?? '_OTHER'
  if (error?.errno !== undefined) context['db.response.status_code'] = String(error.errno)
}

/** What a call is told as: its statement and the first word of that, or how many reads are asked for together. */
function describeQuery(sql) {
  if (typeof sql === 'string') {
    const [, verb] = /^[\s(]*(?:\/\*[\s\S]*?\*\/[\s(]*)*([a-z]+)/i.exec(sql) ?? []
    return { 'db.query.text': sql, 'db.operation.name': verb?.toUpperCase() }
  }
  return sql === null || typeof sql !== 'object' ? {} : { 'db.operation.batch.size': Object.keys(sql).length }
}

/** What is the same for all calls of a pool, in OpenTelemetry's names. */
function targetOf({ host, port, socketPath, database }) {
  return {
    'db.system.name': 'mysql',
    ...(database && { 'db.namespace': database }),
    'server.address': socketPath ?? host,
    ...(!socketPath && { 'server.port': port }),
  }
}

module.exports = {
  query,
  transaction,
  acquire,
  connect,
  isWatched,
  traced,
  tellAfterwards,
  describeQuery,
  targetOf,
}
