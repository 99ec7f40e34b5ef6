// Kubernetes quantities ("500m", "16Gi", "1e3") as doubles. Exact enough for scores and shares, not for money.
// Source: k8s.io/apimachinery resource.Quantity.

const factors: Readonly<Record<string, number>> = {
  n: 1e-9,
  u: 1e-6,
  m: 1e-3,
  '': 1,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  P: 1e15,
  E: 1e18,
  Ki: 1024,
  Mi: 1024 ** 2,
  Gi: 1024 ** 3,
  Ti: 1024 ** 4,
  Pi: 1024 ** 5,
  Ei: 1024 ** 6,
}

/** The number that a quantity names, or undefined where the text is none. */
export function parseQuantity(text: string): number | undefined {
  const match = /^([+-]?(?:\d+\.?\d*|\.\d+))(?:[eE]([+-]?\d+)|(n|u|m|k|[KMGTPE]i?))?$/.exec(text)
  if (match === null) return undefined
  if (match[2] !== undefined) return Number(`${match[1]}e${match[2]}`)
  const factor = factors[match[3] ?? '']
  return factor === undefined ? undefined : Number(match[1]) * factor
}
