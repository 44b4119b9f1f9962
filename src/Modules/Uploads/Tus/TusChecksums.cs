using Microsoft.AspNetCore.Http;
using Platform.Events;

namespace Uploads;

/// <summary><c>Upload-Checksum</c>, in the header or, where <c>Trailer</c> announces it, behind the body.</summary>
internal static class TusChecksums
{
    private const string Field = "Upload-Checksum";

    /// <summary>"The Server MUST support at least the SHA1 checksum algorithm identified by sha1."</summary>
    public static readonly string[] Algorithms = ["sha1", "sha256", "sha512", "md5", "crc32"];

    /// <exception cref="CommandRefusedException">It is malformed, or of an unknown algorithm.</exception>
    public static BodyDigests Of(HttpRequest request)
    {
        if (request.Headers[Field] is [{ } header])
        {
            var promised = Parse(header);
            return new([promised.Algorithm], () => [promised], Mismatch);
        }

        // Which algorithm it will be is not known before the body has passed.
        return request.GetDeclaredTrailers().Contains(Field, StringComparer.OrdinalIgnoreCase)
            ? new(Algorithms, () => [Parse(request.CheckTrailersAvailable() ? request.GetTrailer(Field).ToString() : "")], Mismatch)
            : new([], promised: null, Mismatch);
    }

    /// <summary>"the name of the used checksum algorithm and the Base64 encoded checksum separated by a space"</summary>
    private static Digest Parse(string field) => field.Split(' ') is [var algorithm, var base64]
        ? Digest.Parse(algorithm, base64)
        : throw new CommandRefusedException("INVALID_CHECKSUM", "Upload-Checksum is an algorithm and a checksum in base64, as in: sha1 Kq5sNclPz7QV2+lfQIuc6R7oRu0=");

    private static CommandRefusedException Mismatch() => new("UPLOAD_CHECKSUM_MISMATCH", "The bytes arrived damaged and were discarded. Send them again.");
}
