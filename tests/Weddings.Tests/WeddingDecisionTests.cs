using Testing;
using Weddings.Contracts;
using Xunit;

namespace Weddings.Tests;

public sealed class WeddingDecisionTests
{
    private const string Id = "ann-bob";

    private static readonly DateTimeOffset Now = new(2026, 6, 20, 14, 0, 0, TimeSpan.Zero);
    private static readonly WeddingRegistered Registered = new(Id, "Ann & Bob", new DateOnly(2026, 6, 20), "Europe/Berlin", ["ann@example.com"], null, Now);
    private static readonly LinkIssued Guests = new(Guid.CreateVersion7(), LinkKind.Guest, "hash", Now.AddDays(1), "admin", Now);
    private static readonly BrandingChanged Branded = new(Id, new Branding("Studio Mia", "#7a5c3e"), "admin", Now);
    private static readonly LinkRevoked Revoked = new(Guests.LinkId, "admin", Now);

    [Fact]
    public void A_wedding_is_registered_once() => Given().When(wedding => Wedding.Decide(wedding, Registered)).Then(Registered);

    [Fact]
    public void Another_wedding_of_that_id_is_refused() =>
        Given(Registered).When(wedding => Wedding.Decide(wedding, Registered with { Name = "Cid & Dan" })).ThenRefused("WEDDING_EXISTS");

    [Theory]
    [InlineData("de", true)]
    [InlineData(null, true)]
    [InlineData("xx", false)]
    public void A_wedding_speaks_a_language_that_there_is(string? language, bool isTaken) =>
        Assert.Equal(isTaken, Record.Exception(() => ChangeBranding.Check(new Branding(Language: language))) is null);

    [Fact]
    public void A_wedding_is_branded_anew() => Given(Registered).When(wedding => Wedding.Decide(wedding, Branded)).Then(Branded);

    [Fact]
    public void Nobody_brands_what_is_no_wedding() => Given().When(wedding => Wedding.Decide(wedding, Branded)).ThenRefused("WEDDING_NOT_FOUND");

    [Fact]
    public void A_link_of_no_wedding_is_refused() => Given().When(wedding => Wedding.Decide(wedding, Guests, Id)).ThenRefused("WEDDING_NOT_FOUND");

    [Fact]
    public void A_link_is_issued() => Given(Registered).When(wedding => Wedding.Decide(wedding, Guests, Id)).Then(Guests);

    [Fact]
    public void A_link_is_revoked_once() => Given(Registered, Guests).When(wedding => Wedding.Decide(wedding, Revoked, Id)).Then(Revoked);

    [Fact]
    public void A_link_of_another_wedding_is_not_revoked() =>
        Given(Registered).When(wedding => Wedding.Decide(wedding, Revoked, Id)).ThenRefused("LINK_NOT_FOUND");

    [Fact]
    public void A_link_works_until_it_expires_or_is_revoked()
    {
        var wedding = Wedding.Evolve(Wedding.Evolve(Wedding.Initial, Registered), Guests);
        Assert.NotNull(wedding.Find("hash", Now));
        Assert.Null(wedding.Find("other", Now));
        Assert.Null(wedding.Find("hash", Guests.ExpiresAt));
        Assert.Null(Wedding.Evolve(wedding, Revoked).Find("hash", Now));
    }

    [Fact]
    public void A_sign_in_is_asked_for_once_a_minute() =>
        Given(Registered).When(wedding => Wedding.Decide(wedding, new SignInRequested(0, Now))).Then(new SignInRequested(0, Now));

    [Fact]
    public void A_minute_later_it_may_be_asked_for_again() => Given(Registered, new SignInRequested(0, Now.AddMinutes(-1)))
        .When(wedding => Wedding.Decide(wedding, new SignInRequested(0, Now))).Then(new SignInRequested(0, Now));

    private static Decision<Wedding, IWeddingEvent> Given(params IWeddingEvent[] history) => new(WeddingsModule.MapEvents, history);
}
