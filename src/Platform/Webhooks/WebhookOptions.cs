using System.Globalization;
using Microsoft.Extensions.Configuration;

namespace Platform.Webhooks;

/// <summary>The section <c>Webhooks</c>.</summary>
public sealed record WebhookOptions
{
    // Standard Webhooks: 192 to 512 bits.
    private const int LeastSecretBytes = 24;
    private const int MostSecretBytes = 64;
    private const string SecretPrefix = "whsec_";

    /// <summary>What messages are signed with: the present secret and, while receivers change over, the one before. None: none are sent.</summary>
    internal IReadOnlyList<byte[]> Secrets { get; init; } = [];

    /// <summary>Shortest time between two messages on the progress of one thing.</summary>
    public TimeSpan ProgressInterval { get; init; } = TimeSpan.FromSeconds(10);

    /// <exception cref="StartupException">A value is wrong.</exception>
    internal static WebhookOptions Read(IConfiguration configuration)
    {
        var interval = configuration["Webhooks:ProgressInterval"] ?? "00:00:10";
        if (!TimeSpan.TryParse(interval, CultureInfo.InvariantCulture, out var progressInterval) || progressInterval < TimeSpan.Zero)
        {
            throw new StartupException($"Webhooks__ProgressInterval is {interval}, but must be a time such as 00:00:10.");
        }

        var secrets = new[] { Secret(configuration, "Secret"), Secret(configuration, "PreviousSecret") };
        return secrets is [null, not null]
            ? throw new StartupException("Webhooks__Secret is missing, but Webhooks__PreviousSecret is there.")
            : new WebhookOptions { Secrets = [.. secrets.OfType<byte[]>()], ProgressInterval = progressInterval };
    }

    /// <summary>Without the secrets: records print all their members otherwise.</summary>
    public override string ToString() => $"{Secrets.Count} secrets";

    private static byte[]? Secret(IConfiguration configuration, string name)
    {
        if (configuration[$"Webhooks:{name}"] is not { Length: > 0 } setting)
        {
            return null;
        }

        var secret = new byte[MostSecretBytes];
        return setting.StartsWith(SecretPrefix, StringComparison.Ordinal)
            && Convert.TryFromBase64String(setting[SecretPrefix.Length..], secret, out var length)
            && length >= LeastSecretBytes
            ? secret[..length]
            : throw new StartupException(
                $"Webhooks__{name} must be {SecretPrefix} and the Base64 of {LeastSecretBytes} to {MostSecretBytes} random bytes.");
    }
}
