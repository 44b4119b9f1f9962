using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace Platform.Webhooks;

/// <summary>
/// The header <c>webhook-signature</c> of Standard Webhooks 1.0.0: for each secret <c>v1,</c> and the Base64 of HMAC-SHA256 over
/// <c>{webhook-id}.{webhook-timestamp}.{body}</c>, with spaces between. A receiver accepts the message where one of them is right.
/// </summary>
internal static class WebhookSignature
{
    internal static string Of(IEnumerable<byte[]> secrets, string id, DateTimeOffset at, ReadOnlySpan<byte> body)
    {
        byte[] signed = [.. Encoding.UTF8.GetBytes($"{id}.{TimestampOf(at)}."), .. body];
        return string.Join(' ', secrets.Select(secret => $"v1,{Convert.ToBase64String(HMACSHA256.HashData(secret, signed))}"));
    }

    /// <summary>Seconds since 1970.</summary>
    internal static string TimestampOf(DateTimeOffset at) => at.ToUnixTimeSeconds().ToString(CultureInfo.InvariantCulture);
}
