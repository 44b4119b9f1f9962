using System.Net.Mail;
using System.Security.Claims;
using System.Text.RegularExpressions;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Routing;
using Platform.Accounts;
using Platform.Events;
using Weddings.Contracts;

namespace Weddings;

/// <summary>Registers weddings, and shows them.</summary>
internal static partial class RegisterWeddingHandler
{
    private const int MostEmails = 10;
    private const int LongestName = 200;

    /// <summary>
    /// <c>POST /v1/weddings</c>: 201 with the wedding; 400 <c>INVALID_WEDDING</c>, 409 <c>WEDDING_EXISTS</c>. <c>GET /v1/weddings/{id}</c>: 200, or
    /// 404 <c>WEDDING_NOT_FOUND</c>. <c>GET /v1/weddings?search=&amp;before=</c>.
    /// </summary>
    internal static void Map(RouteGroupBuilder weddings)
    {
        weddings.MapPost("/", PostAsync).RequireAllWeddings();
        weddings.MapGet("/{id}", GetAsync);
        weddings.MapGet("/", async (string? search, string? before, IWeddings all, CancellationToken cancellationToken) =>
            TypedResults.Ok(new Page(await all.ListAsync(search, before, cancellationToken)))).RequireAllWeddings();
    }

    private static async Task<Created<WeddingView>> PostAsync(RegisterWedding command, IWeddings weddings, CancellationToken cancellationToken)
    {
        var wedding = await weddings.RegisterAsync(command, cancellationToken);
        return TypedResults.Created($"/v1/weddings/{wedding.WeddingId}", wedding);
    }

    private static async Task<Ok<WeddingView>> GetAsync(string id, ClaimsPrincipal user, IWeddings weddings, CancellationToken cancellationToken) =>
        user.Reaches(id) && await weddings.FindAsync(id, cancellationToken) is { } wedding
            ? TypedResults.Ok(wedding)
            : throw new CommandRefusedException("WEDDING_NOT_FOUND", $"There is no wedding {id}.");

    internal static WeddingRegistered Checked(RegisterWedding command, string newId, DateTimeOffset now)
    {
        var emails = command.Emails ?? [];
        Refuse(command.WeddingId is { } id && !WeddingId().IsMatch(id), "weddingId must be 1 to 64 letters, digits, '-' or '_'.");
        Refuse(string.IsNullOrWhiteSpace(command.Name) || command.Name.Length > LongestName || command.Name.Any(char.IsControl),
            $"name must have 1 to {LongestName} characters, on one line.");
        Refuse(command.TimeZone is { } zone && !TimeZoneInfo.TryFindSystemTimeZoneById(zone, out _), "timeZone must be one of IANA's names, such as Europe/Berlin.");
        Refuse(emails.Count > MostEmails, $"A wedding has at most {MostEmails} addresses.");
        Refuse(
            emails.Any(email => !MailAddress.TryCreate(email, out var address) || address.Address != email || email.Any(c => c is ',' || char.IsControl(c))),
            "One of emails is not an e-mail address.");
        if (command.Branding is { } branding)
        {
            ChangeBranding.Check(branding);
        }

        return new WeddingRegistered(
            command.WeddingId ?? newId, command.Name!, command.Date, command.TimeZone ?? "UTC", emails, command.Branding, now);
    }

    private static void Refuse(bool broken, string detail)
    {
        if (broken)
        {
            throw new CommandRefusedException("INVALID_WEDDING", detail);
        }
    }

    [GeneratedRegex("^[A-Za-z0-9_-]{1,64}\\z", RegexOptions.NonBacktracking)]
    private static partial Regex WeddingId();

    private sealed record Page(IReadOnlyList<WeddingListed> Weddings);
}
