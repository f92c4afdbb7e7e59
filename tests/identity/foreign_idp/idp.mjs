// A second, independent OpenID provider for the tests: npm oidc-provider, which is certified.
// IDP_PORT, RP_BASE and TENANT come from the environment; everything lives in memory.
import { generateKeyPairSync, randomUUID } from 'node:crypto';
import { Provider } from 'oidc-provider';

const { IDP_PORT, RP_BASE, TENANT } = process.env;
const ISSUER = `http://127.0.0.1:${IDP_PORT}`;
const API = 'urn:cpod:integration';
const API_SCOPE = 'applications:read connectors:read';
const PEOPLE = {
  alice: {
    password: 'alice-pw', email: 'alice@acme.test', name: 'Alice Acme',
    tenant_id: TENANT, roles: ['tenant_admin'],
  },
  bob: { password: 'bob-pw', email: 'bob@acme.test', name: 'Bob Acme', tenant_id: TENANT, roles: [] },
};
const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });

const provider = new Provider(ISSUER, {
  clients: [
    {
      client_id: 'cpod-portal',
      client_secret: 'a secret between the tests and their provider',
      grant_types: ['authorization_code', 'refresh_token'],
      response_types: ['code'],
      redirect_uris: [`${RP_BASE}/auth/callback`],
      post_logout_redirect_uris: [`${RP_BASE}/auth/logged-out`],
      backchannel_logout_uri: `${RP_BASE}/auth/backchannel-logout`,
      backchannel_logout_session_required: true,
      require_auth_time: true,
    },
    {
      client_id: 'reporter',
      client_secret: 'the secret of a reporting program',
      grant_types: ['client_credentials'],
      response_types: [],
      redirect_uris: [],
    },
  ],
  jwks: { keys: [{ ...privateKey.export({ format: 'jwk' }), kid: randomUUID(), use: 'sig', alg: 'RS256' }] },
  cookies: { keys: [randomUUID()] },
  conformIdTokenClaims: false,
  claims: {
    openid: ['sub', 'sid', 'auth_time', 'acr', 'amr', 'tenant_id', 'roles'],
    profile: ['name'],
    email: ['email', 'email_verified'],
  },
  scopes: ['openid', 'offline_access', 'profile', 'email'],
  pkce: { required: () => true },
  features: {
    devInteractions: { enabled: false },
    backchannelLogout: { enabled: true },
    clientCredentials: { enabled: true },
    introspection: { enabled: true },
    rpInitiatedLogout: {
      enabled: true,
      logoutSource(ctx, form) {
        ctx.body = `<!doctype html>${form}<button form="op.logoutForm" name="logout" value="yes">out</button>`;
      },
    },
    resourceIndicators: {
      enabled: true,
      defaultResource: () => undefined,
      useGrantedResource: () => true,
      getResourceServerInfo: () => ({
        scope: API_SCOPE, audience: API, accessTokenFormat: 'jwt', accessTokenTTL: 300,
        jwt: { sign: { alg: 'RS256' } },
      }),
    },
  },
  // Its own guard destroys sockets to loopback, and our portal is there.
  fetch: (url, { dispatcher, ...init }) => globalThis.fetch(url, init),
  extraTokenClaims: async (ctx, token) => {
    const person = PEOPLE[token.accountId];
    return person ? { tenant_id: person.tenant_id, roles: person.roles } : { tenant_id: TENANT };
  },
  findAccount: async (ctx, id) => PEOPLE[id] && {
    accountId: id,
    claims: async () => ({ sub: id, email_verified: true, ...PEOPLE[id], password: undefined }),
  },
  // The portal is the operator's own client: no page that asks for consent.
  loadExistingGrant: async (ctx) => {
    const { client, session } = ctx.oidc;
    const known = session.grantIdFor(client.clientId);
    const grant = (known && await provider.Grant.find(known))
      || new provider.Grant({ clientId: client.clientId, accountId: session.accountId });
    grant.addOIDCScope('openid profile email');
    grant.addOIDCClaims(['name', 'email', 'email_verified', 'tenant_id', 'roles']);
    await grant.save();
    return grant;
  },
  interactions: { url: (ctx, interaction) => `/login/${interaction.uid}` },
  ttl: { AccessToken: 300, IdToken: 300, Session: 28800, Grant: 28800, Interaction: 600 },
});

provider.on('backchannel.error', (ctx, error) => console.error('backchannel', error.message));

provider.use(async (ctx, next) => {
  if (!/^\/login\/[\w-]+$/.test(ctx.path)) return next();
  await provider.interactionDetails(ctx.req, ctx.res);
  if (ctx.method === 'GET') {
    ctx.type = 'html';
    ctx.body = '<!doctype html><title>Sign in</title><form method="post"><input name="login"><input name="password" type="password"><button>Sign in</button></form>';
    return undefined;
  }
  let body = '';
  for await (const chunk of ctx.req) body += chunk;
  const form = new URLSearchParams(body);
  const id = form.get('login');
  const result = PEOPLE[id]?.password === form.get('password')
    ? { login: { accountId: id, acr: 'urn:cpod:aal1', amr: ['pwd'] } }
    : { error: 'access_denied' };
  ctx.redirect(await provider.interactionResult(ctx.req, ctx.res, result, { mergeWithLastSubmission: false }));
  return undefined;
});

provider.listen(Number(IDP_PORT), '127.0.0.1', () => console.log('ready'));
