// The X.509 library, with the polyfill that it asks to be loaded first.
import 'reflect-metadata'

export * from '@peculiar/x509'
