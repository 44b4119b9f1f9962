using System.Globalization;
using Microsoft.AspNetCore.Authentication;
using Microsoft.AspNetCore.Authentication.Cookies;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Platform.Accounts;
using Platform.Costs;
using Platform.Events;
using Platform.Http;
using Platform.Jobs;
using Weddings.Contracts;

namespace Weddings;

/// <summary>Weddings: who they belong to, how they look, and the links by which guests and couples come.</summary>
public static class WeddingsModule
{
    public static IServiceCollection AddWeddings(this IServiceCollection services, IConfiguration configuration)
    {
        services.TryAddSingleton(PublicUrl.Read(configuration));
        services.Configure<CookieAuthenticationOptions>(AccountSchemes.Couple, cookie => cookie.Events.OnValidatePrincipal = ValidateAsync);
        return services
            .AddEventTypes(MapEvents)
            .AddErrorCodes(
                ("INVALID_LINK", 400),
                ("INVALID_LOGO", 400),
                ("INVALID_WEDDING", 400),
                ("LINK_NOT_FOUND", 404),
                ("WEDDING_NOT_FOUND", 404),
                ("WEDDING_EXISTS", 409))
            .AddSubscription<WeddingsProjection>()
            .AddSubscription<WeddingReactions>()
            .AddSingleton<WeddingLinks>()
            .AddSingleton<ITokenVerifier>(provider => provider.GetRequiredService<WeddingLinks>())
            .AddSingleton<CoupleSignIn>()
            .AddSingleton<LinkPasswords>()
            .AddSingleton<PasswordTries>()
            .AddSingleton<ChangeBranding>()
            .AddKeyOwner(ChangeBranding.Folder, key => key.Split('/') is [_, var wedding, ..] ? ChangeBranding.AccountOf(wedding) : new UsageAccount("weddings"))
            .AddSingleton<IWeddings, WeddingsFacade>()
            .AddJob<SendSignInLink, SendSignInLinkHandler>("send_sign_in_link", retry: SendSignInLinkHandler.Retry);
    }

    public static void MapWeddings(this IEndpointRouteBuilder routes)
    {
        var weddings = routes.MapGroup("/v1/weddings").WithTags("Weddings").RequireScope(Scopes.Weddings).RefuseMalformedIds("linkId", "LINK_NOT_FOUND");
        RegisterWeddingHandler.Map(weddings);
        WeddingLinks.Map(weddings);
        ChangeBranding.Map(weddings);
        ChangeBranding.MapLogos(routes);
        CoupleSignIn.Map(routes);
    }

    internal static void MapEvents(EventTypes types) => types
        .Map<WeddingRegistered>("wedding_registered")
        .Map<BrandingChanged>("branding_changed")
        .Map<LinkIssued>("link_issued")
        .Map<LinkRevoked>("link_revoked")
        .Map<SignInRequested>("sign_in_requested")
        .Map<SignInLinkSent>("sign_in_link_sent")
        .Map<SignInMailFailed>("sign_in_mail_failed")
        .Map<SessionsEnded>("sessions_ended");

    // Asked with each request: a session that was ended is over.
    private static async Task ValidateAsync(CookieValidatePrincipalContext context)
    {
        var signIn = context.HttpContext.RequestServices.GetRequiredService<CoupleSignIn>();
        if (context.Principal?.FindFirst(AccountClaims.Wedding) is not { Value: var weddingId }
            || context.Principal.FindFirst(CoupleSignIn.SignedInAt) is not { Value: var since }
            || !await signIn.HoldsAsync(
                weddingId, DateTimeOffset.Parse(since, CultureInfo.InvariantCulture), context.HttpContext.RequestAborted))
        {
            context.RejectPrincipal();
            await context.HttpContext.SignOutAsync(AccountSchemes.Couple);
        }
    }
}
