// Keeps the addon on hubs: what should be there, compared with what is, and the difference applied.
// A hub's controller has parts; each names the kinds that it looks at and plans what it wants (part.ts).

export { Controller } from './controller.ts'
export type {
  Followed,
  Note,
  Part,
  Wanted,
} from './part.ts'
export { signingDefaults, signingPart } from './signing/signing-part.ts'
