namespace Platform.Accounts;

/// <summary>Names of authorisation policies: who may come to an endpoint or a page at all. What somebody may do there, each command checks itself.</summary>
public static class Policies
{
    /// <summary>People who sign in and may change things.</summary>
    public const string Admin = "admin";

    /// <summary>People who sign in and may look: viewers, and admins too.</summary>
    public const string Viewer = "viewer";

    /// <summary>Whoever may call <c>/v1</c> at all, with whichever credential; nobody's name is known where <c>Auth__AnonymousApi</c> is on.</summary>
    public const string Api = "api";

    /// <summary>Couples who signed in by a link that was mailed to them. Their weddings are their claims <see cref="AccountClaims.Wedding"/>.</summary>
    public const string Couple = "couple";
}

/// <summary>Roles of people who sign in. Stored.</summary>
public static class AccountRoles
{
    public const string Admin = "admin";
    public const string Viewer = "viewer";
}

/// <summary>Types of the claims that a caller has, whichever way the caller proved who it is.</summary>
public static class AccountClaims
{
    /// <summary>The caller's id: of a person, an API key, a link, or the <c>sub</c> of an ID token.</summary>
    public const string Id = "sub";

    /// <summary>What to call it in logs and histories. No e-mail address but that of an admin.</summary>
    public const string Name = "name";

    public const string Role = "role";

    /// <summary>The id of a wedding. Whoever has this claim reaches these weddings and no others; who has none reaches all.</summary>
    public const string Wedding = "wedding";

    /// <summary>The only <c>userId</c> that the caller uploads as; who has none may name any.</summary>
    public const string UploadsAs = "uploads_as";

    /// <summary>
    /// One of <see cref="Scopes"/>, or one with <c>:read</c> behind it, which covers reading only; of sites also one with a site's name behind it.
    /// </summary>
    public const string Scope = "scope";
}

/// <summary>Parts of the API that a credential opens.</summary>
public static class Scopes
{
    public const string Uploads = "uploads";
    public const string Albums = "albums";
    public const string Weddings = "weddings";
    public const string Sites = "sites";

    /// <summary>Limits, prices and thresholds.</summary>
    public const string Settings = "settings";

    public const string Costs = "costs";

    /// <summary>Whether there is such a scope: one of these, with <c>:read</c>, or <c>sites:{name}</c>.</summary>
    public static bool IsKnown(string? scope) => scope?.Split(':') switch
    {
        [var whole] => All.Contains(whole),
        [var read, "read"] => All.Contains(read),
        [Sites, var site] => site.Length > 0 && site.All(c => char.IsAsciiLetterLower(c) || char.IsAsciiDigit(c) || c == '-'),
        _ => false,
    };

    public static IReadOnlyList<string> All { get; } = [Uploads, Albums, Weddings, Sites, Settings, Costs];
}

/// <summary>Names of authentication schemes.</summary>
public static class AccountSchemes
{
    /// <summary>The cookie of admins and viewers: Identity's own.</summary>
    public const string People = "Identity.Application";

    /// <summary>The cookie of couples.</summary>
    public const string Couple = "couple";

    /// <summary><c>Authorization: Bearer</c>: an API key, a guest's or couple's token, or an ID token.</summary>
    public const string Bearer = "bearer";
}

/// <summary>Names of rate limits, by address of the caller.</summary>
public static class RateLimits
{
    /// <summary>Whatever proves who somebody is: passwords, codes, one-time links, and requests for such links.</summary>
    public const string SignIn = "sign-in";
}
