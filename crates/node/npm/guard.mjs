import guard from './guard.js';

export const {
  acceptUpload, answer, checkHeaders, clientAddress, dispatcher, expressJson, extract, fastifyJson, GuardError, identifier, integer, isJson,
  jsonHandler, oneOf, outbound, parseJson, parseSlug, parseUserId, parseUuid, query, readJson, Root, run, safeFetch, safeMerge,
  setGlobalDispatcher, signWebhook, spawn, temporaryFolder, userData, Webhook,
} = guard;
export default guard;
