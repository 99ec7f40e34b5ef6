// The storage seam over a message port, both ends; no work of its own.
export * from './lane-client.ts'
export * from './lane-server.ts'
export { errorFromData, errorToData, type LaneError } from './messages.ts'
