using System.Globalization;
using System.Net;

namespace Albums.Sources;

/// <summary>A file on a server of others, as one of its answers describes it.</summary>
/// <param name="Version">
/// What changes when the file does: its ETag as it stands in the header, or where there is none the header <c>Last-Modified</c>.
/// </param>
/// <param name="Name">As the server names it, if it does.</param>
/// <param name="OffsetBytes">Where the answer's body begins within the file.</param>
internal sealed record UrlFile(long SizeBytes, string Version, DateTimeOffset? ModifiedAt, string? Name, long OffsetBytes)
{
    /// <summary>Reads what the answer to a request for a range says (RFC 9110 §14, §15.3.7).</summary>
    /// <exception cref="UrlFailedException">It is not the file, or says too little to pack it.</exception>
    internal static UrlFile Of(HttpResponseMessage answer)
    {
        var content = answer.Content.Headers;
        var range = content.ContentRange;
        var (size, offset) = answer.StatusCode switch
        {
            // The whole: the server knows no ranges.
            HttpStatusCode.OK => (content.ContentLength, 0),
            HttpStatusCode.PartialContent when range is { Unit: "bytes", From: { } from } => (range.Length, from),

            // No byte can be asked for of an empty file.
            HttpStatusCode.RequestedRangeNotSatisfiable when range is { Length: 0 } => (0, 0),
            HttpStatusCode.RequestedRangeNotSatisfiable or HttpStatusCode.PreconditionFailed => throw UrlFailedException.Changed(),
            HttpStatusCode.NotFound or HttpStatusCode.Gone => throw new UrlFailedException("it is not at its address"),
            HttpStatusCode.Unauthorized or HttpStatusCode.Forbidden => throw new UrlFailedException("its server does not hand it out"),
            var status => throw new UrlFailedException(string.Create(CultureInfo.InvariantCulture, $"its server answered {(int)status}")),
        };
        if (content.ContentEncoding.Any(encoding => encoding is not "identity"))
        {
            throw new UrlFailedException("its server sends it compressed only");
        }

        return new UrlFile(
            size ?? throw new UrlFailedException("its server does not say how large it is"),
            answer.Headers.ETag?.ToString()
                ?? content.LastModified?.ToString("R")
                ?? (size is 0 ? "" : throw new UrlFailedException("its server does not say whether it changes")),
            content.LastModified,
            content.ContentDisposition is { } disposition ? disposition.FileNameStar ?? disposition.FileName?.Trim('"') : null,
            offset);
    }
}

/// <summary>A file cannot be had from its address.</summary>
/// <param name="reason">For people; it stands in <c>_MISSING.txt</c>. Never the address: it may hold a token.</param>
/// <param name="mayComeBack">It may be there again in some minutes.</param>
internal sealed class UrlFailedException(string reason, bool mayComeBack = false) : Exception(reason)
{
    internal bool MayComeBack { get; } = mayComeBack;

    internal static UrlFailedException Changed() => new("it was replaced while the album was being packed");
}
