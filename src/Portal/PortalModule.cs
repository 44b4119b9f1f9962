using Microsoft.AspNetCore.Antiforgery;
using Microsoft.AspNetCore.Authorization;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Components.Authorization;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Identity;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Platform.Accounts;
using Portal.Components;

namespace Portal;

/// <summary>The pages: <c>/admin</c> for admins, <c>/w/{token}</c> and <c>/couple</c> for couples, <c>/s/{token}</c> for those they share with, <c>/g/{token}</c> for guests.</summary>
public static class PortalModule
{
    // A closed tab renders on until then. A phone that changes its network is back sooner.
    private static readonly TimeSpan CircuitRetention = TimeSpan.FromSeconds(30);

    public static IServiceCollection AddPortal(this IServiceCollection services)
    {
        services.AddSingleton<PageAssets>();
        services.AddScoped<Acting>();
        services.AddScoped<AuthenticationStateProvider, CircuitSessions>();
        services.AddCascadingAuthenticationState();
        services.AddLocalization();
        services.AddRazorComponents().AddInteractiveServerComponents(circuits => circuits.DisconnectedCircuitRetentionPeriod = CircuitRetention);
        return services;
    }

    public static void MapPortal(this IEndpointRouteBuilder endpoints)
    {
        PageAssets.Map(endpoints);
        CoupleEndpoints.Map(endpoints);
        ShareEndpoints.Map(endpoints);
        BrandEndpoints.Map(endpoints);
        endpoints.MapPost("/sign-out", SignOutAsync)
            .WithMetadata(new RequireAntiforgeryTokenAttribute())
            .OpenToAll("whoever has no session has none to lose")
            .ExcludeFromDescription();

        // App sends the policy of content for the whole page. What a page does not open by itself, the circuit's own endpoints among it, is
        // for those who signed in.
        endpoints.MapRazorComponents<App>()
            .AddInteractiveServerRenderMode(options => options.ContentSecurityFrameAncestorsPolicy = null)
            .Add(endpoint =>
            {
                endpoint.RequestDelegate = PageLanguage.Speaking(endpoint.RequestDelegate!, endpoints.ServiceProvider);
                if (!endpoint.Metadata.Any(decision => decision is IAllowAnonymous or IAuthorizeData))
                {
                    endpoint.Metadata.Add(new AuthorizeAttribute(Policies.Viewer));
                }
            });
    }

    private static async Task<RedirectHttpResult> SignOutAsync(SignInManager<Person> signIns)
    {
        await signIns.SignOutAsync();
        return TypedResults.LocalRedirect($"~{AccountPaths.SignIn}");
    }
}
