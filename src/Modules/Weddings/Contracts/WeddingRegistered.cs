namespace Weddings.Contracts;

/// <summary>A wedding is looked after here.</summary>
/// <param name="TimeZone">IANA's name, in which its times are shown.</param>
/// <param name="Emails">Of the couple: they sign in by these.</param>
public sealed record WeddingRegistered(
    string WeddingId, string Name, DateOnly? Date, string TimeZone, IReadOnlyList<string> Emails, Branding? Branding, DateTimeOffset At) : IWeddingEvent;

/// <summary>How pages and mails of a wedding look and speak. What is not given is the product's own.</summary>
/// <param name="Studio">Who looks after it, as couple and guests know them.</param>
/// <param name="Color">As in <c>#7a5c3e</c>.</param>
/// <param name="LogoUrl">https, or of this server. Pages show one of this server only: they load nothing from others.</param>
/// <param name="Language">As in <c>de</c>. Where it is not given, pages speak what the browser asks for, and mails English.</param>
public sealed record Branding(string? Studio = null, string? Color = null, string? LogoUrl = null, string? Language = null);
