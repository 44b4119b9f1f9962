namespace Platform.Accounts;

/// <summary>Where the pages of accounts are. The Portal makes them; redirects and links lead there.</summary>
public static class AccountPaths
{
    public const string SignIn = "/sign-in";

    /// <summary>For somebody who is signed in but may not see what was asked for.</summary>
    public const string Denied = "/denied";

    /// <summary>Shown by GET, redeemed by POST, so that a mail scanner does not use the link up.</summary>
    public const string Invitation = "/invitation/{token}";

    /// <summary>Where a couple asks for the mail with its sign-in link.</summary>
    public const string CoupleMail = "/couple/sign-in";

    /// <summary>A couple's sign-in link from a mail. GET shows a button, POST redeems.</summary>
    public const string CoupleSignIn = "/couple/sign-in/{token}";

    public static string InvitationOf(string token) => $"/invitation/{token}";

    public static string CoupleSignInOf(string token) => $"/couple/sign-in/{token}";
}
