using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Mvc;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.Options;
using Platform.Accounts;
using Platform.Events;

namespace Platform.Settings;

/// <summary>The endpoints of settings: those that hold, a change, and who changed what when.</summary>
public static class SettingsEndpoints
{
    private const int PageSize = 100;

    /// <summary>
    /// <c>GET {pattern}</c> with the version as <c>ETag</c>; <c>PUT {pattern}</c> with <c>If-Match</c>, members that are left out having their
    /// defaults: 200, 400 <c>INVALID_SETTING</c>, 412 or 428; <c>GET {pattern}/history?before=</c>.
    /// </summary>
    public static void MapSettings<TSettings>(this IEndpointRouteBuilder endpoints, string pattern)
        where TSettings : class, ISettings
    {
        endpoints.MapGet(pattern, GetAsync<TSettings>).RequireScope(Scopes.Settings);
        endpoints.MapPut(pattern, PutAsync<TSettings>).Accepts<TSettings>("application/json").RequireScope(Scopes.Settings);
        endpoints.MapGet($"{pattern}/history", HistoryAsync<TSettings>).RequireScope(Scopes.Settings);
    }

    private static async Task<Ok<TSettings>> GetAsync<TSettings>(
        LiveSettings<TSettings> settings, HttpResponse response, CancellationToken cancellationToken)
        where TSettings : class, ISettings =>
        Answer(response, await settings.ReadAsync(cancellationToken));

    private static async Task<Ok<TSettings>> PutAsync<TSettings>(
        [FromHeader(Name = "If-Match")] string? ifMatch,
        [FromBody] JsonElement body,
        LiveSettings<TSettings> settings,
        HttpContext http,
        IOptions<Microsoft.AspNetCore.Http.Json.JsonOptions> json,
        CancellationToken cancellationToken)
        where TSettings : class, ISettings
    {
        var wanted = Read(body, settings, json.Value.SerializerOptions);
        var by = http.User.NameOrAnonymous();
        return Answer(http.Response, await settings.ChangeAsync(wanted, by, VersionOf(ifMatch), cancellationToken));
    }

    private static async Task<Ok<History<TSettings>>> HistoryAsync<TSettings>(
        LiveSettings<TSettings> settings, CancellationToken cancellationToken, [FromQuery] long before = long.MaxValue)
        where TSettings : class, ISettings =>
        TypedResults.Ok(new History<TSettings>(
            await settings.HistoryAsync(before, cancellationToken).Take(PageSize).ToListAsync(cancellationToken)));

    private static Ok<TSettings> Answer<TSettings>(HttpResponse response, (TSettings Settings, long Version) current)
    {
        response.Headers.ETag = string.Create(CultureInfo.InvariantCulture, $"\"{current.Version}\"");
        return TypedResults.Ok(current.Settings);
    }

    // A name nobody knows is a slip that would leave the setting as it was: refused, unlike elsewhere.
    private static TSettings Read<TSettings>(JsonElement body, LiveSettings<TSettings> settings, JsonSerializerOptions options)
        where TSettings : class, ISettings
    {
        try
        {
            return settings.Overlay(body, new JsonSerializerOptions(options) { UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow });
        }
        catch (JsonException e)
        {
            throw new BadHttpRequestException("The body is not what this request takes.", StatusCodes.Status400BadRequest, e);
        }
    }

    private static long? VersionOf(string? ifMatch) => ifMatch switch
    {
        null or "" => throw new CommandRefusedException(
            "PRECONDITION_REQUIRED", "Say by If-Match which version you change: the ETag of the settings as you saw them, or * for any."),
        "*" => null,

        // What is no version of ours matches none (RFC 9110 §13.1.1).
        _ => long.TryParse(ifMatch.Trim('"'), NumberStyles.None, CultureInfo.InvariantCulture, out var version) ? version : -1,
    };

    private sealed record History<TSettings>(IReadOnlyList<SettingsVersion<TSettings>> Changes);
}
