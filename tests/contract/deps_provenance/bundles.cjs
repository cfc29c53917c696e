// Makes attestations and signatures with the parts of Sigstore that npm's package `@sigstore/mock` has: an
// authority, a certificate log, a transparency log. Good ones, and for each check one that fails it. Says
// besides what Sigstore's verifier for JavaScript thinks of each.
//
// node bundles.cjs FOLDER NAME VERSION SHA512, where FOLDER has node_modules; writes JSON.
'use strict'
const crypto = require('node:crypto')
const { createRequire } = require('node:module')
const path = require('node:path')

const [folder, name, version, sha512] = process.argv.slice(2)
const from = createRequire(path.join(folder, 'package.json'))
const { initializeCA, initializeCTLog, initializeTLog, initializeTSA } = from('@sigstore/mock')
const verify = from('@sigstore/verify')
const { bundleFromJSON } = from('@sigstore/bundle')
const { TrustedRoot } = from('@sigstore/protobuf-specs')

const keyPair = () => crypto.generateKeyPairSync('ec', { namedCurve: 'prime256v1' })
const spki = key => key.export({ format: 'der', type: 'spki' })
const pem = key => key.export({ format: 'pem', type: 'spki' })
const sha256 = bytes => crypto.createHash('sha256').update(bytes).digest()
const base64 = bytes => Buffer.from(bytes).toString('base64')
const hours = 3600 * 1000
// Roots are made at what the clock says: two days ago here, so that they are older than what they sign.
const Clock = Date
globalThis.Date = class extends Clock {
  constructor (...given) { super(...(given.length ? given : [Clock.now() - 48 * hours])) }
  static now () { return Clock.now() - 48 * hours }
}
const now = new Date(Math.floor(Clock.now() / 1000) * 1000 - 24 * hours)
const later = new Date(now.getTime() + 1 * hours)
const earlier = new Date(now.getTime() - 1 * hours)

const ISSUER = 'https://token.actions.githubusercontent.com'
const REPOSITORY = 'https://github.com/example/project'
const COMMIT = 'c0ffee0000000000000000000000000000000000'
const REFERENCE = 'refs/tags/v1'
const WORKFLOW = `${REPOSITORY}/.github/workflows/release.yml@${REFERENCE}`
const RUN = `${REPOSITORY}/actions/runs/1/attempts/1`
const OID = '1.3.6.1.4.1.57264.1.'

const extensions = (change = {}) => Object.entries({
  8: ISSUER, 9: WORKFLOW, 11: 'github-hosted', 12: REPOSITORY, 13: COMMIT, 14: REFERENCE, 18: WORKFLOW,
  21: RUN, ...change,
}).filter(([, value]) => value).map(([oid, value]) => ({ oid: OID + oid, value }))

// Those of certificates from before 2023
const oldExtensions = [[1, ISSUER], [2, 'push'], [3, COMMIT], [4, 'Release'], [5, 'example/project'],
  [6, REFERENCE]].map(([oid, value]) => ({ oid: OID + oid, value, legacy: true }))

const purl = `pkg:npm/${name.replace('@', '%40')}@${version}`
const statement = (predicateType, predicate, change = {}) => ({
  _type: 'https://in-toto.io/Statement/v1',
  subject: [{ name: purl, digest: { sha512 } }],
  predicateType,
  predicate,
  ...change,
})
const slsa1 = (change = {}) => {
  const told = {
    repository: REPOSITORY, ref: REFERENCE, path: '.github/workflows/release.yml', commit: COMMIT,
    builder: 'https://github.com/actions/runner/github-hosted', run: RUN, ...change,
  }
  return {
    buildDefinition: {
      buildType: 'https://slsa-framework.github.io/github-actions-buildtypes/workflow/v1',
      externalParameters: { workflow: { ref: told.ref, repository: told.repository, path: told.path } },
      resolvedDependencies: [
        { uri: `git+${told.repository}@${told.ref}`, digest: { gitCommit: told.commit } },
      ],
    },
    runDetails: { builder: { id: told.builder }, metadata: { invocationId: told.run } },
  }
}
const slsa02 = () => ({
  buildType: 'https://github.com/npm/cli/gha/v2',
  builder: { id: 'https://github.com/actions/runner' },
  invocation: {
    configSource: {
      uri: `git+${REPOSITORY}@${REFERENCE}`, digest: { sha1: COMMIT },
      entryPoint: '.github/workflows/release.yml',
    },
  },
})
const SLSA1 = 'https://slsa.dev/provenance/v1'
const SLSA02 = 'https://slsa.dev/provenance/v0.2'
const PUBLISH = 'https://github.com/npm/attestation/tree/main/specs/publish/v0.1'

const STATEMENT = 'application/vnd.in-toto+json'
const pae = (payload, type = STATEMENT) => Buffer.concat([
  Buffer.from(`DSSEv1 ${type.length} ${type} ${payload.length} `), payload,
])

// A timestamp (RFC 3161) of a signature
const stamped = async (authority, sig) => ({
  signedTimestamp: base64(await authority.timestamp({
    artifactHash: sha256(sig), hashAlgorithmOID: '2.16.840.1.101.3.4.2.1', policyOID: '1.2.3.4', nonce: 1,
    certReq: true,
  })),
})

async function authority (clock = now, { logged = true, log } = {}) {
  const keys = keyPair()
  const logKeys = keyPair()
  const ctlog = log || await initializeCTLog(logKeys, clock)
  return { ca: await initializeCA(keys, logged ? ctlog : undefined, clock), ctlog }
}

const window = { start: '2020-01-01T00:00:00Z' }
const publicKey = rawBytes => ({ rawBytes: base64(rawBytes), keyDetails: 'PKIX_ECDSA_P256_SHA_256', validFor: window })
const rootOf = ({ ca, ctlog, tsa }, tlog) => ({
  mediaType: 'application/vnd.dev.sigstore.trustedroot+json;version=0.1',
  tlogs: [{
    baseUrl: 'https://log.example', hashAlgorithm: 'SHA2_256', publicKey: publicKey(tlog.publicKey),
    logId: { keyId: base64(sha256(tlog.publicKey)) },
  }],
  certificateAuthorities: [{
    subject: { organization: 'sigstore.mock', commonName: 'sigstore' }, uri: 'https://ca.example',
    certChain: { certificates: [{ rawBytes: base64(ca.rootCertificate) }] }, validFor: window,
  }],
  ctlogs: [{
    baseUrl: 'https://ct.example', hashAlgorithm: 'SHA2_256', publicKey: publicKey(ctlog.publicKey),
    logId: { keyId: base64(Buffer.from(ctlog.logID)) },
  }],
  timestampAuthorities: tsa ? [{
    subject: { organization: 'sigstore.mock', commonName: 'tsa' }, uri: 'https://tsa.example',
    certChain: {
      certificates: [tsa.intCertificate, tsa.rootCertificate].map(one => ({ rawBytes: base64(one) })),
    },
    validFor: window,
  }] : [],
})

// Signs, logs and bundles a statement.
async function bundle (world, said, change = {}) {
  const how = { form: 3, entry: 'dsse', proof: true, promise: true, ...change }
  const { ca } = how.authority || world
  const tlog = how.tlog || world.tlog
  const keys = how.keys || keyPair()
  const payload = Buffer.from(JSON.stringify(said))
  const sig = crypto.sign('sha256', pae(how.signed || payload, how.type), keys.privateKey)
  let certificate
  let verifier = pem(keys.publicKey)
  let material = { publicKey: { hint: how.hint } }
  if (!how.hint) {
    certificate = await ca.issueCertificate({
      publicKey: spki(keys.publicKey), subjectAltName: how.identity || WORKFLOW,
      extensions: how.extensions || extensions(),
    })
    verifier = `-----BEGIN CERTIFICATE-----\n${base64(certificate).match(/.{1,64}/g).join('\n')}\n-----END CERTIFICATE-----\n`
    const rawBytes = base64(certificate)
    material = how.form === 3 ? { certificate: { rawBytes } }
      : { x509CertificateChain: { certificates: [{ rawBytes }] } }
  }
  const logged = how.logged || { payload, sig }
  const hash = { algorithm: 'sha256', value: sha256(logged.payload).toString('hex') }
  const body = how.entry === 'dsse2'
    ? {
        apiVersion: '0.0.2', kind: 'dsse',
        spec: {
          dsseV002: {
            payloadHash: { algorithm: 'SHA2_256', digest: base64(sha256(logged.payload)) },
            signatures: [{
              content: base64(logged.sig),
              verifier: { keyDetails: 'PKIX_ECDSA_P256_SHA_256', x509Certificate: { rawBytes: base64(certificate) } },
            }],
          },
        },
      }
    : how.entry === 'hashedrekord'
    ? {
        apiVersion: '0.0.2', kind: 'hashedrekord',
        spec: {
          hashedRekordV002: {
            data: { algorithm: 'SHA2_256', digest: base64(sha256(pae(logged.payload, how.type))) },
            signature: {
              content: base64(logged.sig),
              verifier: {
                keyDetails: 'PKIX_ECDSA_P256_SHA_256',
                ...(certificate ? { x509Certificate: { rawBytes: base64(certificate) } }
                  : { publicKey: { rawBytes: base64(spki(keys.publicKey)) } }),
              },
            },
          },
        },
      }
    : how.entry === 'dsse'
    ? {
        apiVersion: '0.0.1', kind: 'dsse',
        spec: {
          envelopeHash: { algorithm: 'sha256', value: sha256('envelope').toString('hex') }, payloadHash: hash,
          signatures: [{ signature: base64(logged.sig), verifier: base64(verifier) }],
        },
      }
    : {
        apiVersion: '0.0.2', kind: 'intoto',
        spec: {
          content: {
            envelope: {
              payloadType: 'application/vnd.in-toto+json',
              signatures: [{ publicKey: base64(verifier), sig: base64(base64(logged.sig)) }],
            },
            hash: { algorithm: 'sha256', value: sha256('envelope').toString('hex') },
            payloadHash: hash,
          },
        },
      }
  const [entry] = Object.values(await tlog.log(body))
  const proof = entry.verification.inclusionProof
  // The second form of the log tells no time, and has one index for an entry.
  const isSecond = ['hashedrekord', 'dsse2'].includes(how.entry)
  const forms = {
    1: 'application/vnd.dev.sigstore.bundle+json;version=0.1',
    2: 'application/vnd.dev.sigstore.bundle+json;version=0.2',
    3: 'application/vnd.dev.sigstore.bundle.v0.3+json',
  }
  return {
    mediaType: forms[how.form],
    verificationMaterial: {
      ...material,
      tlogEntries: [{
        logIndex: String(isSecond ? proof.logIndex : entry.logIndex), logId: { keyId: base64(Buffer.from(entry.logID, 'hex')) },
        kindVersion: { kind: body.kind, version: body.apiVersion },
        integratedTime: isSecond ? '0' : String(entry.integratedTime),
        ...(how.promise && { inclusionPromise: { signedEntryTimestamp: entry.verification.signedEntryTimestamp } }),
        ...(how.proof && {
          inclusionProof: {
            logIndex: String(proof.logIndex), rootHash: base64(Buffer.from(proof.rootHash, 'hex')),
            treeSize: String(proof.treeSize), hashes: proof.hashes, checkpoint: { envelope: proof.checkpoint },
          },
        }),
        canonicalizedBody: entry.body,
      }],
      timestampVerificationData: {
        rfc3161Timestamps: await Promise.all((how.stamps || []).map(tsa => stamped(tsa, how.stamped || sig))),
      },
    },
    dsseEnvelope: {
      payload: base64(payload), payloadType: how.type || STATEMENT,
      signatures: [{ sig: base64(sig), keyid: how.hint || '' }],
    },
  }
}

const flipped = (text, at = -1) => {
  const bytes = Buffer.from(text, 'base64')
  bytes[at < 0 ? bytes.length + at : at] ^= 1
  return base64(bytes)
}
const entryOf = bundle => bundle.verificationMaterial.tlogEntries[0]
const changed = (bundle, change) => {
  const copy = structuredClone(bundle)
  change(copy, entryOf(copy))
  return copy
}

async function main () {
  const good = await authority()
  const world = { ...good, tlog: await initializeTLog('https://log.example', keyPair(), now) }
  const at = async clock => initializeTLog('https://log.example', world.logKeys, clock)
  world.logKeys = keyPair()
  world.tlog = await at(now)
  const stampKeys = keyPair()
  const lateTSA = async clock => initializeTSA(stampKeys, clock)
  const strange = { ...await authority(), tlog: await initializeTLog('https://log.example', keyPair(), now) }
  const unlogged = await authority(now, { logged: false })
  const otherLog = await authority()
  world.tsa = await initializeTSA(stampKeys, now)
  const root = rootOf(world, world.tlog)
  const add = async (authority) => root.certificateAuthorities.push(...rootOf(authority, world.tlog).certificateAuthorities)
  // Believed authorities whose certificates were not logged, or only in a log that nobody believes
  await add(unlogged)
  await add(otherLog)

  const registry = keyPair()
  const old = keyPair()
  const id = key => `SHA256:${sha256(spki(key)).toString('base64').replace(/=+$/, '')}`
  const told = (keys, expires) => ({
    keyid: id(keys.publicKey), keytype: 'ecdsa-sha2-nistp256', scheme: 'ecdsa-sha2-nistp256',
    key: base64(spki(keys.publicKey)), expires,
  })
  const keys = { keys: [told(registry, null), told(old, earlier.toISOString())] }

  const cases = {}
  const one = async (kind, said, how) => ({ predicateType: kind, bundle: await bundle(world, said, how) })
  const provenance = (how, change, subject) => one(SLSA1, statement(SLSA1, slsa1(change), subject), how)
  const published = (how, change) =>
    one(PUBLISH, statement(PUBLISH, { name, version, registry: 'https://registry.example', ...change }),
      { keys: registry, hint: id(registry.publicKey), ...how })
  const set = (label, ...attestations) => { cases[label] = attestations }
  const broken = (label, attestation, change) =>
    set(label, { ...attestation, bundle: changed(attestation.bundle, change) })

  set('good', await provenance())
  set('good-form-2', await provenance({ form: 2 }))
  set('good-form-1-promise-alone', await one(SLSA02,
    statement(SLSA02, slsa02(), { _type: 'https://in-toto.io/Statement/v0.1' }),
    { form: 1, entry: 'intoto', proof: false, extensions: oldExtensions }))
  set('good-published', await published())
  set('good-both', await published(), await provenance())
  set('good-published-before-the-key-expired', await published(
    { keys: old, hint: id(old.publicKey), tlog: await at(new Date(earlier.getTime() - hours)) }))

  broken('flipped-signature', cases.good[0], bundle => {
    bundle.dsseEnvelope.signatures[0].sig = flipped(bundle.dsseEnvelope.signatures[0].sig)
  })
  broken('flipped-payload', cases.good[0], bundle => {
    const text = Buffer.from(bundle.dsseEnvelope.payload, 'base64').toString()
    bundle.dsseEnvelope.payload = base64(text.replace('release.yml', 'changed.yml'))
  })
  set('signed-something-else', await provenance({ signed: Buffer.from('{}') }))
  set('another-tarball', await provenance({}, {},
    { subject: [{ name: purl, digest: { sha512: sha512.replace(/^../, sha512.startsWith('00') ? '11' : '00') } }] }))
  set('another-package', await provenance({}, {}, { subject: [{ name: 'pkg:npm/other@1.0.0', digest: { sha512 } }] }))
  set('no-subject', await provenance({}, {}, { subject: [] }))
  set('certificate-over-when-logged', await provenance({ tlog: await at(later) }))
  set('logged-before-the-certificate', await provenance({ tlog: await at(earlier) }))
  set('another-root', await provenance({ authority: strange }))
  set('another-log', await provenance({ tlog: strange.tlog }))
  set('certificate-not-logged', await provenance({ authority: unlogged }))
  set('certificate-logged-elsewhere', await provenance({ authority: otherLog }))
  broken('promise-flipped', cases.good[0], (_, entry) => {
    entry.inclusionPromise.signedEntryTimestamp = flipped(entry.inclusionPromise.signedEntryTimestamp)
  })
  broken('proof-of-another-tree', cases.good[0], (_, entry) => {
    entry.inclusionProof.rootHash = flipped(entry.inclusionProof.rootHash)
  })
  broken('proof-with-a-hash-too-many', cases.good[0], (_, entry) => {
    entry.inclusionProof.hashes = [entry.inclusionProof.rootHash]
  })
  broken('checkpoint-flipped', cases.good[0], (_, entry) => {
    const lines = entry.inclusionProof.checkpoint.envelope.split('\n')
    const words = lines.at(-2).split(' ')
    words[2] = flipped(words[2])
    lines[lines.length - 2] = words.join(' ')
    entry.inclusionProof.checkpoint.envelope = lines.join('\n')
  })
  broken('another-time', cases.good[0], (_, entry) => {
    entry.integratedTime = String(Number(entry.integratedTime) + 1)
  })
  broken('no-proof-and-no-promise', cases.good[0], (_, entry) => {
    delete entry.inclusionProof
    delete entry.inclusionPromise
  })
  broken('no-entry', cases.good[0], bundle => { bundle.verificationMaterial.tlogEntries = [] })
  {
    const other = await provenance()
    broken('entry-of-another-bundle', cases.good[0], bundle => {
      bundle.verificationMaterial.tlogEntries = other.bundle.verificationMaterial.tlogEntries
    })
  }
  broken('certificate-of-another-bundle', cases.good[0], bundle => {
    bundle.verificationMaterial.certificate =
      structuredClone(cases['good-both'][1].bundle.verificationMaterial.certificate)
  })
  broken('two-signatures', cases.good[0], bundle => {
    bundle.dsseEnvelope.signatures.push(structuredClone(bundle.dsseEnvelope.signatures[0]))
  })
  broken('no-material', cases.good[0], bundle => { delete bundle.verificationMaterial.certificate })

  // The type is signed with what it is the type of.
  broken('type-changed', cases.good[0], bundle => { bundle.dsseEnvelope.payloadType = 'application/json' })
  set('type-of-the-future', await provenance({ type: 'application/vnd.in-toto.v9+json' }))
  broken('published-type-changed', cases['good-published'][0], bundle => {
    bundle.dsseEnvelope.payloadType = 'application/json'
  })

  // The second form of the log tells no time: an authority's timestamp does.
  const second = { entry: 'hashedrekord', promise: false }
  set('good-stamped', await provenance({ stamps: [world.tsa] }))
  set('good-second-log', await provenance({ ...second, stamps: [world.tsa] }))
  set('second-log-as-npm-writes-it', await provenance({ ...second, entry: 'dsse2', stamps: [world.tsa] }))
  set('second-log-without-a-moment', await provenance(second))
  set('second-log-stamped-by-another', await provenance({ ...second, stamps: [await initializeTSA(keyPair(), now)] }))
  set('second-log-stamped-for-another', await provenance({ ...second, stamps: [world.tsa], stamped: Buffer.from('x') }))
  // The authority holds from two days ago on, and the certificate for ten minutes from `now` on.
  set('second-log-stamped-too-late', await provenance({ ...second, stamps: [await lateTSA(later)] }))
  set('second-log-stamped-too-early', await provenance({ ...second, stamps: [await lateTSA(earlier)] }))
  broken('second-log-stamp-flipped', cases['good-second-log'][0], bundle => {
    const [stamp] = bundle.verificationMaterial.timestampVerificationData.rfc3161Timestamps
    stamp.signedTimestamp = flipped(stamp.signedTimestamp)
  })
  broken('second-log-of-another-bundle', cases['good-second-log'][0], bundle => {
    bundle.verificationMaterial.tlogEntries =
      cases['second-log-without-a-moment'][0].bundle.verificationMaterial.tlogEntries
  })
  set('published-second-log-without-a-moment', await published(second))
  set('good-published-second-log-stamped', await published({ ...second, stamps: [world.tsa] }))

  // Right in every signature, and not what they claim
  set('claims-another-repository', await provenance({}, { repository: 'https://github.com/example/other' }))
  set('claims-another-commit', await provenance({}, { commit: 'bad0000000000000000000000000000000000000' }))
  set('claims-another-reference', await provenance({}, { ref: 'refs/heads/main' }))
  set('claims-another-workflow', await provenance({}, { path: '.github/workflows/other.yml' }))
  set('claims-another-builder', await provenance({}, { builder: 'https://github.com/actions/runner/self-hosted' }))
  set('claims-another-run', await provenance({}, { run: `${REPOSITORY}/actions/runs/2/attempts/1` }))
  set('signed-by-a-person', await provenance(
    { identity: 'https://person.example/me', extensions: [{ oid: `${OID}8`, value: 'https://accounts.example' }] }))
  set('issuer-of-somebody-else', await provenance({ extensions: extensions({ 8: 'https://gitlab.com' }) }))
  for (const [label, host] of Object.entries({
    plain: 'https://github.com', 'upper-case': 'https://GitHub.com', port: 'https://github.com:443',
    'no-tls': 'http://github.com', user: 'https://a@github.com', dot: 'https://github.com.',
  })) {
    const at = text => text.replace('https://github.com', host)
    const change = { 8: 'https://issuer.example', 9: at(WORKFLOW), 12: at(REPOSITORY), 18: at(WORKFLOW), 21: at(RUN) }
    set(`issuer-of-another-host-${label}`, await provenance(
      { identity: at(WORKFLOW), extensions: extensions(change) },
      { repository: at(REPOSITORY), run: at(RUN), builder: at(WORKFLOW) }))
  }
  {
    const claim = slsa1()
    claim.buildDefinition.resolvedDependencies[0].uri = 'git+https://github.com/example/other@refs/tags/v1'
    set('claims-a-commit-of-another-repository', await one(SLSA1, statement(SLSA1, claim)))
  }
  broken('two-materials', cases.good[0], bundle => { bundle.verificationMaterial.publicKey = { hint: 'x' } })
  broken('two-contents', cases.good[0], bundle => {
    bundle.messageSignature = { messageDigest: { algorithm: 'SHA2_256', digest: 'AAAA' }, signature: 'AAAA' }
  })
  set('good-and-another-tarball', cases.good[0], cases['another-tarball'][0])
  set('signed-by-a-key', await provenance({ keys: registry, hint: id(registry.publicKey) }))
  set('said-to-be-published', { ...cases.good[0], predicateType: PUBLISH })

  set('published-by-another-key', await published({ keys: keyPair() }))
  set('published-by-an-unknown-key', await published({ hint: 'SHA256:unknown' }))
  set('published-after-the-key-expired', await published({ keys: old, hint: id(old.publicKey) }))
  set('published-without-a-moment', await published({ keys: old, hint: id(old.publicKey), promise: false }))
  set('published-something-else', await published({}, { version: '9.9.9' }))
  set('published-by-a-build', await one(PUBLISH, statement(PUBLISH, { name, version })))

  // Built elsewhere than the others, rightly
  set('good-elsewhere', await provenance(
    {
      identity: WORKFLOW.replace('project', 'fork'),
      extensions: extensions({
        12: REPOSITORY.replace('project', 'fork'), 18: WORKFLOW.replace('project', 'fork'),
        9: WORKFLOW.replace('project', 'fork'), 21: RUN.replace('project', 'fork'),
      }),
    },
    { repository: REPOSITORY.replace('project', 'fork'), run: RUN.replace('project', 'fork') }))
  set('good-self-hosted', await provenance({ extensions: extensions({ 11: 'self-hosted' }) },
    { builder: 'https://github.com/actions/runner/self-hosted' }))
  set('builder-of-another-kind', await provenance({}, { builder: 'https://builder.example/one' }))
  broken('form-of-the-future', cases.good[0], bundle => {
    bundle.mediaType = 'application/vnd.dev.sigstore.bundle.v9+json'
  })

  const integrity = `sha512-${base64(Buffer.from(sha512, 'hex'))}`
  const signed = (by, text) =>
    ({ keyid: id(by.publicKey), sig: base64(crypto.sign('sha256', Buffer.from(text), by.privateKey)) })
  const text = `${name}@${version}:${integrity}`
  const right = signed(registry, text)
  const signatures = {
    good: [right],
    'good-two': [right, right],
    flipped: [{ ...right, sig: flipped(right.sig) }],
    'another-hash': [signed(registry, text.replace(/.==$/, 'A=='))],
    'another-version': [signed(registry, text.replace(version, '9.9.9'))],
    'another-key': [{ ...signed(keyPair(), text), keyid: right.keyid }],
    'unknown-key': [signed(keyPair(), text)],
    'key-over': [signed(old, text)],
    'one-of-two': [right, { ...right, sig: flipped(right.sig) }],
    'no-base64': [{ ...right, sig: '*' }],
    empty: [{ ...right, sig: '' }],
    none: [],
  }

  console.log(JSON.stringify({
    npm: await npm(signatures, keys, integrity, now),
    root, keys, signatures, cases, peer: peer(root, keys, cases), expired: old && id(old.publicKey),
    before: new Date(earlier.getTime() - hours).toISOString(), after: now.toISOString(),
  }))
}

// What Sigstore's own verifier for JavaScript says: nothing where it accepts, else its reason.
function peer (root, keys, cases) {
  const material = verify.toTrustMaterial(TrustedRoot.fromJSON(root), hint => {
    const key = keys.keys.find(key => key.keyid === hint)
    if (!key) throw new Error('unknown key')
    return {
      publicKey: crypto.createPublicKey({ key: Buffer.from(key.key, 'base64'), format: 'der', type: 'spki' }),
      validFor: moment => !key.expires || moment < new Date(key.expires),
    }
  })
  const verifier = new verify.Verifier(material, { tlogThreshold: 1, ctlogThreshold: 1 })
  const verdicts = {}
  for (const [label, attestations] of Object.entries(cases)) {
    try {
      for (const { bundle } of attestations) {
        verifier.verify(verify.toSignedEntity(bundleFromJSON(structuredClone(bundle))))
      }
      verdicts[label] = null
    } catch (error) {
      verdicts[label] = `${error.code || error.name}: ${error.message}`
    }
  }
  return verdicts
}

// What npm's own code for `npm audit signatures` says of the signatures, served on loopback; nothing where
// npm has no such code.
async function npm (signatures, keys, integrity, published) {
  const fs = require('node:fs')
  const programs = process.env.PATH.split(':').map(folder => path.join(folder, 'npm'))
  const program = programs.find(program => fs.existsSync(program))
  let pacote
  try {
    pacote = createRequire(fs.realpathSync(program))('pacote')
  } catch {
    return undefined
  }
  let served
  const server = require('node:http').createServer((_, response) => response.end(JSON.stringify({
    name, 'dist-tags': { latest: version }, time: { [version]: published },
    versions: { [version]: { name, version, dist: { tarball: 'http://127.0.0.1:9/x.tgz', integrity, signatures: served } } },
  })))
  await new Promise(resolve => server.listen(0, '127.0.0.1', resolve))
  const host = `127.0.0.1:${server.address().port}`
  const known = keys.keys.map(key =>
    ({ ...key, pemkey: `-----BEGIN PUBLIC KEY-----\n${key.key}\n-----END PUBLIC KEY-----` }))
  const verdicts = {}
  for (const label of Object.keys(signatures)) {
    served = signatures[label]
    const cache = fs.mkdtempSync(path.join(require('node:os').tmpdir(), 'npm-cache-'))
    const options = {
      registry: `http://${host}/`, verifySignatures: true, fullMetadata: true, cache, [`//${host}/:_keys`]: known,
    }
    verdicts[label] = await pacote.manifest(`${name}@${version}`, options)
      .then(told => told._signatures ? null : 'none', error => error.code || error.message)
    fs.rmSync(cache, { recursive: true, force: true })
  }
  server.close()
  return verdicts
}

main().catch(error => {
  console.error(error)
  process.exit(1)
})
