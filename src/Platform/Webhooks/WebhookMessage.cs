using System.Globalization;

namespace Platform.Webhooks;

/// <summary>
/// Something that a receiver is told. It follows from an event, so it is the same whenever it is composed again: another attempt sends the
/// same bytes under the same id, by which receivers know what they have seen.
/// </summary>
/// <param name="Id">As <see cref="IdOf"/> makes it.</param>
/// <param name="Type">Such as <c>album.completed</c>. It determines the shape of the data.</param>
/// <param name="At">When it happened, not when it is sent.</param>
/// <param name="Data">Serialised like an answer of the API.</param>
public sealed record WebhookMessage(string Id, string Type, Uri Url, DateTimeOffset At, object Data)
{
    private const string Prefix = "msg_";

    /// <summary>The id of the message that follows from an event: its stream's id and its version.</summary>
    public static string IdOf(Guid streamId, long version) => string.Create(CultureInfo.InvariantCulture, $"{Prefix}{streamId:n}_{version}");

    /// <summary>The version of the event that a message follows from; <see langword="null"/> where it is not of this stream.</summary>
    public static long? VersionOf(string id, Guid streamId)
    {
        ArgumentNullException.ThrowIfNull(id);
        var start = $"{Prefix}{streamId:n}_";
        return id.StartsWith(start, StringComparison.Ordinal)
            && long.TryParse(id.AsSpan(start.Length), NumberStyles.None, CultureInfo.InvariantCulture, out var version)
            ? version
            : null;
    }
}

/// <summary>The body of every message.</summary>
/// <param name="Version">Of the shapes of the data. It grows when a member is renamed or removed; new members may come at any time.</param>
internal sealed record WebhookBody(string Type, int Version, DateTimeOffset Timestamp, object Data);

/// <summary>The receiver did not take the message; the next attempt may help.</summary>
public sealed class WebhookException(string message) : Exception(message);
