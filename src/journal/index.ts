// The journal: small durable state of ours: numbered events and the state they led to, on disk, with a copy in a bucket.
export { Journal, type JournalEvent, type JournalOptions, journalDefaults } from './journal.ts'
export { JournalMirror } from './mirror.ts'
