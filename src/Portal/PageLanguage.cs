using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Localization;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Microsoft.Net.Http.Headers;
using Platform.Languages;
using Weddings.Contracts;

namespace Portal;

/// <summary>
/// Which language a page speaks: that of its wedding, else the one of ours that the browser likes best. A circuit renders in the language of the request
/// that connects it, whose endpoint is one of the pages': the browser asks for both with the same <c>Accept-Language</c>.
/// </summary>
internal sealed class PageLanguage : RequestCultureProvider
{
    private static readonly RequestLocalizationOptions Localization = new()
    {
        DefaultRequestCulture = new(Language.All[Language.English]),
        SupportedCultures = [.. Language.All.Values],
        SupportedUICultures = [.. Language.All.Values],
        RequestCultureProviders = [new PageLanguage(), new AcceptLanguageHeaderRequestCultureProvider()],
        ApplyCurrentCultureToResponseHeaders = true,
    };

    /// <summary>The page, in its language. At the page, not in front of all: who signed in is known here, and the API speaks to programs.</summary>
    internal static RequestDelegate Speaking(RequestDelegate page, IServiceProvider services)
    {
        var options = new OptionsWrapper<RequestLocalizationOptions>(Localization);
        var localized = new RequestLocalizationMiddleware(page, options, services.GetRequiredService<ILoggerFactory>());
        return http =>
        {
            http.Response.Headers.Append(HeaderNames.Vary, HeaderNames.AcceptLanguage); // or a cache gives one browser the language of another
            return localized.Invoke(http);
        };
    }

    public override async Task<ProviderCultureResult?> DetermineProviderCultureResult(HttpContext httpContext)
    {
        var weddings = httpContext.RequestServices.GetRequiredService<IWeddings>();
        var language = httpContext.Request.Path.Value!.Split('/') switch
        {
            [_, "g" or "w" or "s", var token] => (await weddings.OpenAsync(token, ticket: null, httpContext.RequestAborted))?.Wedding.Branding.Language,
            [_, "couple"] => (await Visit.BySessionAsync(weddings, httpContext))?.Wedding.Branding.Language,
            _ => null,
        };
        return language is null ? null : new ProviderCultureResult(language);
    }
}
