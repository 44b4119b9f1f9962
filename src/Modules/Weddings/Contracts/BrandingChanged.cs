namespace Weddings.Contracts;

/// <summary>From now on pages and mails of the wedding look like this, whatever they looked like before. Stored under <c>branding_changed</c>.</summary>
public sealed record BrandingChanged(string WeddingId, Branding Branding, string By, DateTimeOffset At) : IWeddingEvent;
