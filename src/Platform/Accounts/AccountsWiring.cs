using Microsoft.AspNetCore.Authentication;
using Microsoft.AspNetCore.Authentication.Cookies;
using Microsoft.AspNetCore.DataProtection;
using Microsoft.AspNetCore.DataProtection.KeyManagement;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Identity;
using Microsoft.AspNetCore.Routing;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Options;
using Microsoft.Net.Http.Headers;
using Npgsql;
using Platform.Http;

namespace Platform.Accounts;

public static class AccountsWiring
{
    private const string Caller = "caller";
    private const string PeopleCookie = "weddings";
    private const string CoupleCookie = "weddings-couple";

    /// <summary>Adds accounts: people with passwords, passkeys and codes, invitations, sessions. Needs events, whose database it shares.</summary>
    /// <param name="web">Whether this process answers people, and so prints the first admin's link.</param>
    public static IServiceCollection AddAccounts(this IServiceCollection services, IConfiguration configuration, bool web)
    {
        var publicUrl = PublicUrl.Read(configuration);
        services.TryAddSingleton(publicUrl);
        services.AddLocalization();
        services.AddHostedService<AccountsSchema>();
        services.AddDbContext<AccountsDb>((provider, db) => db.UseNpgsql(provider.GetRequiredService<NpgsqlDataSource>()));
        services.AddDataProtection().SetApplicationName("weddings");
        services.AddSingleton<IConfigureOptions<KeyManagementOptions>>(provider => new ConfigureOptions<KeyManagementOptions>(
            keys => keys.XmlRepository = new SharedKeys(provider.GetRequiredService<NpgsqlDataSource>())));
        services.AddIdentityCore<Person>(Configure)
            .AddRoles<IdentityRole<Guid>>()
            .AddSignInManager()
            .AddClaimsPrincipalFactory<PersonClaims>()
            .AddErrorDescriber<AccountRefusals>()
            .AddEntityFrameworkStores<AccountsDb>()
            .AddDefaultTokenProviders();
        services.Configure<SecurityStampValidatorOptions>(stamps => stamps.ValidationInterval = TimeSpan.Zero); // a session that is ended is over at once
        services.Configure<IdentityPasskeyOptions>(passkeys => Configure(passkeys, publicUrl));
        services.AddSingleton<AuditLog>();
        services.AddSingleton<People>();
        services.AddSingleton<ApiKeys>();
        services.AddSingleton<ITokenVerifier>(provider => provider.GetRequiredService<ApiKeys>());
        if (OidcOptions.Read(configuration) is { } oidc)
        {
            services.AddSingleton(oidc).AddSingleton<SigningKeys>().AddSingleton<ITokenVerifier, IdTokens>();
        }

        services.AddAuthentication(Caller)
            .AddPolicyScheme(Caller, displayName: null, caller => caller.ForwardDefaultSelector = SchemeOf)
            .AddScheme<AuthenticationSchemeOptions, BearerTokens>(AccountSchemes.Bearer, configureOptions: null)
            .AddCookie(AccountSchemes.Couple, cookie => Configure(cookie, CoupleCookie, AccountPaths.CoupleMail, publicUrl))
            .AddIdentityCookies(cookies => cookies.ApplicationCookie!.Configure(cookie =>
            {
                Configure(cookie, PeopleCookie, AccountPaths.SignIn, publicUrl);
                cookie.Events.OnValidatePrincipal = ValidateAsync;
            }));
        services.AddAuthorizationBuilder()
            .AddPolicy(Policies.Api, policy => policy.AddRequirements(new ApiRequirement(Scope: null)))
            .AddPolicy(Policies.Couple, policy => policy.AddAuthenticationSchemes(AccountSchemes.Couple).RequireClaim(AccountClaims.Wedding))
            .AddPolicy(Policies.Admin, policy => policy.AddAuthenticationSchemes(AccountSchemes.People).RequireRole(AccountRoles.Admin))
            .AddPolicy(Policies.Viewer, policy => policy.AddAuthenticationSchemes(AccountSchemes.People).RequireRole(AccountRoles.Admin, AccountRoles.Viewer));
        services.AddSingleton<Invitations>();
        services.AddScoped(provider => new OwnAccount(
            provider.GetRequiredService<AccountsDb>(),
            provider.GetRequiredService<UserManager<Person>>(),
            provider.GetRequiredService<SignInManager<Person>>(),
            provider.GetRequiredService<TimeProvider>()));
        services.AddSingleton<AdminMail>();
        services.AddScoped<Sessions>();
        return web ? services.AddHostedService<FirstAdmin>() : services;
    }

    /// <summary>Maps API keys, the audit log, and what scripts of pages ask for passkeys.</summary>
    public static void MapAccounts(this IEndpointRouteBuilder endpoints)
    {
        Passkeys.Map(endpoints);
        ApiKeyEndpoints.Map(endpoints);
        AuditEndpoints.Map(endpoints);
    }

    private static void Configure(IdentityOptions identity)
    {
        identity.Stores.SchemaVersion = IdentitySchemaVersions.Version3;
        identity.User.RequireUniqueEmail = true;
        identity.ClaimsIdentity.UserIdClaimType = AccountClaims.Id;
        identity.ClaimsIdentity.UserNameClaimType = AccountClaims.Name;
        identity.ClaimsIdentity.RoleClaimType = AccountClaims.Role;

        // Length is what counts (NIST SP 800-63B §5.1.1.2).
        identity.Password.RequiredLength = 12;
        identity.Password.RequireDigit = false;
        identity.Password.RequireLowercase = false;
        identity.Password.RequireUppercase = false;
        identity.Password.RequireNonAlphanumeric = false;
        identity.Lockout.MaxFailedAccessAttempts = 5;
        identity.Lockout.DefaultLockoutTimeSpan = TimeSpan.FromMinutes(5);
    }

    // Browsers take no IP address for a domain: on this machine passkeys work at http://localhost. A passkey is found without a name, and stands for
    // a password and a code.
    private static void Configure(IdentityPasskeyOptions passkeys, PublicUrl publicUrl)
    {
        passkeys.ServerDomain = publicUrl.IsLoopback ? null : publicUrl.Url.Host;
        passkeys.ResidentKeyRequirement = "required";
        passkeys.UserVerificationRequirement = "required";

        // Not by the request's own header, as is the default: pages that tell no other site where somebody comes from (Referrer-Policy) send none.
        passkeys.ValidateOrigin = made => ValueTask.FromResult(!made.CrossOrigin && made.Origin == OriginOf(made.HttpContext.Request, publicUrl));
    }

    private static string OriginOf(HttpRequest request, PublicUrl publicUrl) =>
        publicUrl.IsLoopback ? $"{request.Scheme}://{request.Host}" : publicUrl.Url.GetLeftPart(UriPartial.Authority);

    // Somebody who signed in both ways is here to look after the product.
    private static string SchemeOf(HttpContext context) =>
        context.Request.Headers.ContainsKey(HeaderNames.Authorization) ? AccountSchemes.Bearer
        : context.Request.Cookies.ContainsKey(PeopleCookie) || !context.Request.Cookies.ContainsKey(CoupleCookie) ? AccountSchemes.People
        : AccountSchemes.Couple;

    // The stamp is asked for with every request. An answer under way must not bring the cookie back to somebody who signs out meanwhile.
    private static async Task ValidateAsync(CookieValidatePrincipalContext context)
    {
        await SecurityStampValidator.ValidatePrincipalAsync(context);
        context.ShouldRenew = false;
    }

    private static void Configure(CookieAuthenticationOptions cookie, string name, string signInPath, PublicUrl publicUrl)
    {
        cookie.Cookie.Name = name;
        cookie.Cookie.SecurePolicy = publicUrl.Url.Scheme == Uri.UriSchemeHttps ? CookieSecurePolicy.Always : CookieSecurePolicy.SameAsRequest;
        cookie.ExpireTimeSpan = TimeSpan.FromDays(7);
        cookie.LoginPath = signInPath;
        cookie.AccessDeniedPath = AccountPaths.Denied;
    }
}
