// Kahan summation with Neumaier's improvement: the error of every addition is carried in a second number.
// Use: `c = compensate(sum, x, c); sum += x`, and `sum + c` in the end.
// Source: A. Neumaier, 1974; which sums carry a compensation is fixed by PromQL.

/** The compensation after `x` joins `sum`; call it before the addition. An overflowing sum forgets its error. */
export function compensate(sum: number, x: number, compensation: number): number {
  const total = sum + x
  if (total === Infinity || total === -Infinity) return 0
  return Math.abs(sum) >= Math.abs(x)
    ? compensation + (sum - total + x)
    : compensation + (x - total + sum)
}
