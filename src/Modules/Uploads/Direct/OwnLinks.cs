using System.Security.Cryptography;
using Microsoft.AspNetCore.DataProtection;
using Microsoft.AspNetCore.Http;

namespace Uploads;

/// <summary>
/// What takes a part where the store has no links: links to this server that each hold for one part and a while, without further authorisation.
/// Their signatures hold on every node.
/// </summary>
internal sealed class OwnLinks(IDataProtectionProvider protection, UploadOptions options)
{
    private readonly ITimeLimitedDataProtector protector = protection.CreateProtector("uploads: link to a part").ToTimeLimitedDataProtector();

    /// <summary>Links as clients reach this server: by its <c>PublicUrl</c>, else as they just did. Uppy wants absolute ones.</summary>
    /// <param name="path">Of the multipart uploads.</param>
    public PartLink For(HttpRequest request, string path)
    {
        var server = options.PublicUrl ?? new Uri($"{request.Scheme}://{request.Host}/");
        return (uploadId, number, lifetime) => new Uri(
            server, $"{path.TrimStart('/')}/{uploadId}/{number}?signature={protector.Protect(Subject(uploadId, number), lifetime)}");
    }

    /// <exception cref="Platform.Events.CommandRefusedException"><c>UPLOAD_NOT_FOUND</c>: the signature is not this part's, or its time is over.</exception>
    public void Demand(Guid uploadId, int number, string? signature)
    {
        try
        {
            if (protector.Unprotect(signature ?? "") == Subject(uploadId, number))
                return;
        }
        catch (CryptographicException)
        {
            // Forged, or late.
        }

        throw UploadErrors.NotFound();
    }

    private static string Subject(Guid uploadId, int number) => $"{uploadId}/{number}";
}

/// <summary>Makes a link to a part.</summary>
internal delegate Uri PartLink(Guid uploadId, int number, TimeSpan lifetime);
