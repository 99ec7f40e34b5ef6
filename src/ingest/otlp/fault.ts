// A fault in one metric or data point of an OTLP request: the rest of the request goes on.

/** What is wrong with a metric or data point, and how to put it right. */
export class OtlpFault extends Error {
  constructor(what: string, fix: string) {
    super(`${what}; ${fix}`)
    this.name = 'OtlpFault'
  }
}
