using System.Security.Claims;
using System.Security.Cryptography;
using System.Text.RegularExpressions;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Routing;
using Platform.Accounts;
using Platform.Costs;
using Platform.Events;
using Platform.Http;
using Platform.Languages;
using Platform.Storage;
using Weddings.Contracts;

namespace Weddings;

/// <summary>
/// How pages and mails of a wedding look. Its logo lies in the store under its content's hash, <c>weddings/{id}/{hash}.{png|jpg}</c>, and is open to
/// everybody: mails show it.
/// </summary>
internal sealed partial class ChangeBranding(EventStore store, IObjectStorage storage, UsageLedger usage, PublicUrl publicUrl, TimeProvider clock)
{
    internal const string Folder = "weddings/";

    private const int LongestStudio = 200;
    private const string CacheControl = "public, max-age=31536000, immutable";

    /// <summary><c>PUT /v1/weddings/{id}/branding</c>: 204; 400 <c>INVALID_WEDDING</c>, 404 <c>WEDDING_NOT_FOUND</c>.</summary>
    internal static void Map(RouteGroupBuilder weddings) => weddings.MapPut("/{id}/branding", PutAsync).RequireAllWeddings();

    /// <summary><c>GET /logos/{weddingId}/{file}</c>.</summary>
    internal static void MapLogos(IEndpointRouteBuilder routes) => routes.MapGet("/logos/{weddingId}/{file}", GetLogoAsync)
        .OpenToAll("mails show it")
        .ExcludeFromDescription();

    internal static UsageAccount AccountOf(string weddingId) => new("weddings", weddingId);

    internal static void Check(Branding branding)
    {
        Refuse(branding.Color is { } color && !Color().IsMatch(color), "branding.color must be one such as #7a5c3e.");
        Refuse(
            branding.LogoUrl is { } logo && !(Uri.TryCreate(logo, UriKind.Absolute, out var url) && url.Scheme == Uri.UriSchemeHttps),
            "branding.logoUrl must be https.");
        Refuse(
            branding.Language is { } language && !Language.All.ContainsKey(language),
            $"branding.language must be one of {string.Join(", ", Language.All.Keys.Order(StringComparer.Ordinal))}.");
        Refuse(branding.Studio is { } studio && (studio.Length > LongestStudio || studio.Any(char.IsControl)), "branding.studio is one short line.");
    }

    internal async Task ChangeAsync(string weddingId, Branding branding, string by, CancellationToken cancellationToken)
    {
        Check(IsOwn(branding.LogoUrl) ? branding with { LogoUrl = null } : branding);
        var changed = new BrandingChanged(weddingId, branding, by, clock.GetUtcNow());
        await store.DecideAsync<Wedding, IWeddingEvent>(weddingId, wedding => Wedding.Decide(wedding, changed), cancellationToken);
    }

    internal async Task ChangeLogoAsync(string weddingId, ReadOnlyMemory<byte> bytes, string by, CancellationToken cancellationToken)
    {
        if (bytes.Length > IWeddings.MostLogoBytes || ExtensionOf(bytes.Span) is not { } extension)
        {
            throw new CommandRefusedException("INVALID_LOGO", $"A logo is a PNG or JPEG of at most {IWeddings.MostLogoBytes:N0} bytes.");
        }

        _ = (await store.FoldAsync<Wedding, IWeddingEvent>(weddingId, cancellationToken)).State.OrNotFound(weddingId);
        var file = $"{weddingId}/{Convert.ToHexStringLower(SHA256.HashData(bytes.Span))[..20]}.{extension}";
        using (usage.Charge(AccountOf(weddingId)))
        {
            await using var body = new BufferBody(bytes, Crc32.Append(0, bytes.Span));
            await storage.PutAsync(Folder + file, body, bytes.Length, TypeOf(file), cancellationToken);
        }

        // Looks that were saved meanwhile stay.
        var logo = publicUrl.Of($"logos/{file}");
        await store.DecideAsync<Wedding, IWeddingEvent>(
            weddingId,
            wedding => Wedding.Decide(wedding, new BrandingChanged(weddingId, wedding.Branding with { LogoUrl = logo }, by, clock.GetUtcNow())),
            cancellationToken);
    }

    private static async Task<NoContent> PutAsync(
        string id, Branding branding, ClaimsPrincipal user, IWeddings weddings, CancellationToken cancellationToken)
    {
        await weddings.ChangeBrandingAsync(id, branding, user.NameOrAnonymous(), cancellationToken);
        return TypedResults.NoContent();
    }

    private static async Task<IResult> GetLogoAsync(
        string weddingId, string file, IObjectStorage storage, UsageLedger usage, HttpResponse response, CancellationToken cancellationToken)
    {
        if (!LogoFile().IsMatch(file) || !WeddingId().IsMatch(weddingId))
        {
            return TypedResults.NotFound();
        }

        using var charged = usage.Charge(AccountOf(weddingId));
        try
        {
            var body = await storage.ReadAsync($"{Folder}{weddingId}/{file}", range: null, ifMatch: null, cancellationToken);
            response.Headers.CacheControl = CacheControl;
            return TypedResults.Stream(body, TypeOf(file));
        }
        catch (StorageException e) when (e.Error is StorageError.NotFound)
        {
            return TypedResults.NotFound();
        }
    }

    private bool IsOwn(string? logoUrl) => logoUrl?.StartsWith(publicUrl.Of("logos/"), StringComparison.Ordinal) is true;

    // How PNG and JPEG begin. SVG can hold script, and mail readers do not show it.
    private static string? ExtensionOf(ReadOnlySpan<byte> bytes) =>
        bytes.StartsWith<byte>([0x89, (byte)'P', (byte)'N', (byte)'G', 13, 10, 26, 10]) ? "png"
        : bytes.StartsWith<byte>([0xFF, 0xD8, 0xFF]) ? "jpg"
        : null;

    private static string TypeOf(string file) => file.EndsWith(".png", StringComparison.Ordinal) ? "image/png" : "image/jpeg";

    private static void Refuse(bool broken, string detail)
    {
        if (broken)
        {
            throw new CommandRefusedException("INVALID_WEDDING", detail);
        }
    }

    [GeneratedRegex("^#[0-9A-Fa-f]{6}\\z", RegexOptions.NonBacktracking)]
    private static partial Regex Color();

    [GeneratedRegex(@"^[0-9a-f]{20}\.(png|jpg)\z", RegexOptions.NonBacktracking)]
    private static partial Regex LogoFile();

    [GeneratedRegex("^[A-Za-z0-9_-]{1,64}\\z", RegexOptions.NonBacktracking)]
    private static partial Regex WeddingId();
}
