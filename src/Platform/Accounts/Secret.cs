using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;

namespace Platform.Accounts;

/// <summary>
/// What links and keys are made of: 256 random bits that nobody guesses. Only its hash is stored; a plain SHA-256 will do, because there is
/// nothing to try out.
/// </summary>
public static class Secret
{
    /// <summary>43 characters that can stand in a URL.</summary>
    public static string New() => Base64Url.EncodeToString(RandomNumberGenerator.GetBytes(32));

    /// <summary>SHA-256 in lower-case hex.</summary>
    public static string HashOf(string secret) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(secret)));
}
