using System.Globalization;
using Platform.Events;

namespace Uploads;

/// <summary>
/// <c>Content-Digest</c>, <c>Repr-Digest</c> and <c>Want-Repr-Digest</c> (RFC 9530) with the two algorithms that are neither insecure nor
/// rare. Others are ignored, as §2 and §3 allow.
/// </summary>
internal static class DigestFields
{
    private static readonly (string Field, string Algorithm)[] Algorithms = [("sha-256", "sha256"), ("sha-512", "sha512")];

    /// <summary><c>sha-256=:base64:, sha-512=:base64:</c></summary>
    /// <exception cref="CommandRefusedException">A digest is malformed.</exception>
    public static IReadOnlyList<Digest> Parse(string? field)
    {
        var digests = new List<Digest>();
        foreach (var (key, value) in Members(field))
        {
            if (Array.Find(Algorithms, known => known.Field == key).Algorithm is { } algorithm)
            {
                digests.Add(Digest.Parse(algorithm, value is [':', .. var base64, ':'] ? base64 : ""));
            }
        }

        return digests;
    }

    /// <summary>The algorithm that a client prefers, as <c>sha-256=10, sha-512=3</c>; 0 is none (§4).</summary>
    public static string? Wanted(string? field) => Members(field)
        .Select(member => (
            Array.Find(Algorithms, known => known.Field == member.Key).Algorithm,
            Preference: int.TryParse(member.Value, NumberStyles.None, CultureInfo.InvariantCulture, out var preference) ? preference : 0))
        .Where(wanted => wanted is { Algorithm: not null, Preference: > 0 and <= 10 })
        .OrderByDescending(wanted => wanted.Preference)
        .FirstOrDefault()
        .Algorithm;

    public static string Format(string algorithm, byte[] value) =>
        $"{Array.Find(Algorithms, known => known.Algorithm == algorithm).Field}=:{Convert.ToBase64String(value)}:";

    // A dictionary (RFC 9651 §3.2) whose values have neither commas nor strings.
    private static IEnumerable<(string Key, string Value)> Members(string? field) =>
        from member in (field ?? "").Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries)
        let sign = member.IndexOf('=', StringComparison.Ordinal)
        where sign > 0
        select (member[..sign], member[(sign + 1)..]);
}
