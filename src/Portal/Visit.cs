using Microsoft.AspNetCore.Http;
using Platform.Accounts;
using Weddings.Contracts;

namespace Portal;

/// <summary>Whose photos somebody came to see, looked at anew with each request.</summary>
/// <param name="Path">Of the page; what the page asks for beside itself stands under it. It may end with the credential.</param>
/// <param name="By">What to call the visitor in histories.</param>
/// <param name="IsCouple">They mark photos and make links; others look and download.</param>
/// <param name="LinkId">Of the link they came by.</param>
public sealed record Visit(WeddingView Wedding, string Path, string By, bool IsCouple, Guid? LinkId = null)
{
    internal string WeddingId => Wedding.WeddingId;

    /// <summary>By <c>/w/{token}</c>.</summary>
    internal static async Task<Visit?> ByLinkAsync(IWeddings weddings, string token, CancellationToken cancellationToken) =>
        await weddings.OpenAsync(token, ticket: null, cancellationToken) is { Kind: LinkKind.Couple } link
            ? new Visit(link.Wedding, $"/w/{token}", "the couple", IsCouple: true, link.LinkId)
            : null;

    /// <summary>By the cookie of a couple that signed in; the endpoint's policy has looked at it.</summary>
    internal static async Task<Visit?> BySessionAsync(IWeddings weddings, HttpContext http) =>
        http.User.FindFirst(AccountClaims.Wedding) is { Value: var weddingId } && await weddings.FindAsync(weddingId, http.RequestAborted) is { } wedding
            ? new Visit(wedding with { Links = [] }, "/couple", "the couple", IsCouple: true)
            : null;

    /// <summary>By <c>/s/{token}</c>, once its password was given.</summary>
    internal static async Task<Visit?> ByShareAsync(IWeddings weddings, string token, HttpContext http) =>
        await OpenShareAsync(weddings, token, http) is { IsLocked: false } link
            ? new Visit(link.Wedding, ShareEndpoints.PathOf(token), "somebody with a share link", IsCouple: false, link.LinkId)
            : null;

    internal static async Task<OpenedLink?> OpenShareAsync(IWeddings weddings, string token, HttpContext http) =>
        await weddings.OpenAsync(token, http.Request.Cookies[ShareEndpoints.Cookie], http.RequestAborted) is { Kind: LinkKind.Share } link ? link : null;
}
