using System.Text;
using Microsoft.Extensions.Configuration;
using Platform.Webhooks;
using Xunit;

namespace Platform.Tests.Webhooks;

public sealed class WebhookSignatureTests
{
    private const string Present = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    private const string Previous = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

    /// <summary>The reference vector of Standard Webhooks.</summary>
    [Fact]
    public void A_signature_is_as_the_standard_has_it() =>
        Assert.Equal("v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=", Sign(Read(("Secret", Present))));

    [Fact]
    public void While_a_secret_is_changed_both_sign()
    {
        var signatures = Sign(Read(("Secret", Previous), ("PreviousSecret", Present))).Split(' ');
        Assert.Equal(2, signatures.Length);
        Assert.Equal(Sign(Read(("Secret", Previous))), signatures[0]);
        Assert.Equal(Sign(Read(("Secret", Present))), signatures[1]);
    }

    [Theory]
    [InlineData("Secret", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")]
    [InlineData("Secret", "whsec_c2hvcnQ=")]
    [InlineData("Secret", "whsec_not base64")]
    [InlineData("PreviousSecret", Present)] // alone
    [InlineData("ProgressInterval", "soon")]
    public void A_wrong_setting_stops_the_start_with_its_name(string name, string value) =>
        Assert.Contains($"Webhooks__{name}", Assert.Throws<StartupException>(() => Read((name, value))).Message, StringComparison.Ordinal);

    [Fact]
    public void Secrets_are_not_printed() => Assert.Equal("1 secrets", Read(("Secret", Present)).ToString());

    private static string Sign(WebhookOptions options) => WebhookSignature.Of(
        options.Secrets, "msg_p5jXN8AQM9LWM0D4loKWxJek", DateTimeOffset.FromUnixTimeSeconds(1614265330), Encoding.UTF8.GetBytes("""{"test": 2432232314}"""));

    private static WebhookOptions Read(params IEnumerable<(string Name, string Value)> settings) => WebhookOptions.Read(
        new ConfigurationBuilder()
            .AddInMemoryCollection(settings.Select(setting => KeyValuePair.Create($"Webhooks:{setting.Name}", (string?)setting.Value)))
            .Build());
}
