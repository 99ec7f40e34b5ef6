// Section `access` of the configuration: who may call, and who says what they may do. Empty: nobody is authenticated.

import Type from 'typebox'
import { readLimits, readLimitsOverride } from './config-query.ts'
import { closed, duration, flag, text } from './config-sections.ts'

const oidc = Type.Object(
  {
    issuer: text('', 'URL of an OpenID Connect issuer whose tokens are accepted; empty = none.'),
    audience: text('crowsnest', 'What `aud` of a token must hold.'),
    usernameClaim: text('sub', 'Claim that names the user.'),
    groupsClaims: Type.Array(Type.String(), {
      default: ['groups'],
      description: 'Dotted paths of claims that hold groups, such as realm_access.roles.',
    }),
    usernamePrefix: text('', 'Stands before names of this issuer in the access file.'),
    groupsPrefix: text('', 'Stands before groups of this issuer in the access file.'),
    clockTolerance: duration('30s', 'How far the clocks of issuer and gateway may be apart.'),
  },
  closed,
)

const kubernetes = Type.Object(
  {
    enabled: flag("Accept tokens of the hub's Kubernetes, and read rights from its RBAC."),
    kubeconfig: text('', 'kubeconfig of the hub; empty = the service account of the pod.'),
    audience: text('', 'Audience that tokens are reviewed for; empty = that of the API server.'),
    clusterVerb: text('get', 'Verb on managedclusters that shows a cluster whole.'),
    namespaces: Type.Array(Type.String(), {
      default: [],
      description:
        "Namespaces (ACM's verbs metrics/NAMESPACE) that are asked about for readers of the issuer, and for tokens made for `audience`.",
    }),
    tenants: Type.Array(Type.String(), {
      default: [],
      description: 'Tenants that readers by RBAC read; empty = the default tenant, ["*"] = all.',
    }),
  },
  closed,
)

const clientCertificates = Type.Object(
  {
    caFile: text(
      '',
      'CAs (PEM) whose client certificates are accepted from readers: the common name is the user; empty = none.',
    ),
    groupsAttribute: text('O', 'Attribute of the subject that holds groups: O or OU.'),
    usernamePrefix: text('', 'Stands before names of certificates in the access file.'),
    groupsPrefix: text('', 'Stands before groups of certificates in the access file.'),
  },
  closed,
)

/** Section of the configuration. */
export const access = Type.Object(
  {
    file: text('', 'Access file: static tokens, and rights by user and group.'),
    oidc,
    kubernetes,
    clientCertificates,
    cacheTime: duration('10s', 'How long a decision about a token holds.'),
    auditLog: flag('Log every request: who, what, from where, outcome.'),
    limits: Type.Object(readLimits('reader'), closed),
    readers: Type.Record(Type.String(), readLimitsOverride('reader'), {
      default: {},
      description: 'Limits of single readers, by name.',
    }),
  },
  closed,
)
