using System.Globalization;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Routing;
using Platform.Accounts;
using Platform.Events;
using Platform.Http;
using Platform.Settings;

namespace Platform.Costs;

/// <summary>Costs for whoever does the books. Days and months are UTC's; a range has its first day and not its last.</summary>
internal static class CostEndpoints
{
    private const int MostLines = 1000;

    /// <summary>
    /// <c>GET /v1/costs?by=</c>: lines by <c>module</c>, <c>wedding</c>, <c>site</c>, <c>album</c>, <c>month</c> or <c>day</c>;
    /// <c>GET /v1/costs/export</c>: the same as CSV, day by day; both with <c>from</c>, <c>until</c>, <c>module</c>, <c>weddingId</c>, <c>site</c>,
    /// <c>albumId</c>. <c>GET /v1/costs/months/{month}</c>. <c>/v1/costs/settings</c> as all settings.
    /// </summary>
    internal static void Map(IEndpointRouteBuilder endpoints)
    {
        var costs = endpoints.MapGroup("/v1/costs").WithTags("Costs").RequireScope(Scopes.Costs).RequireAllWeddings();
        costs.MapGet("/", GetAsync);
        costs.MapGet("/export", Export);
        costs.MapGet("/months/{month}", GetMonthAsync);
        endpoints.MapGroup("/v1/costs").WithTags("Costs").MapSettings<CostSettings>("/settings");
    }

    private static async Task<Ok<Lines>> GetAsync(
        [AsParameters] Range range, CostQuery costs, CostReports reports, CancellationToken cancellationToken, string by = "module")
    {
        if (!Enum.TryParse<CostDimension>(by, ignoreCase: true, out var dimension) || !Enum.IsDefined(dimension))
        {
            throw new CommandRefusedException(ErrorCodes.InvalidRequest, "Costs are told apart by module, wedding, site, album, month or day.");
        }

        var filter = range.ToFilter(reports.Today);
        return TypedResults.Ok(new Lines(
            filter.From,
            filter.Until,
            await costs.SumAsync(filter, cancellationToken),
            await costs.GroupAsync(dimension, filter, MostLines, cancellationToken)));
    }

    private static async Task<Ok<Month>> GetMonthAsync(string month, CostReports reports, WatchCosts watch, CancellationToken cancellationToken)
    {
        if (!DateOnly.TryParseExact(month, "yyyy-MM", CultureInfo.InvariantCulture, DateTimeStyles.None, out var day))
        {
            throw new CommandRefusedException(ErrorCodes.InvalidRequest, "A month is named as in 2026-11.");
        }

        return TypedResults.Ok(new Month(
            await reports.OfMonthAsync(day, cancellationToken), await watch.ListAsync(day, cancellationToken)));
    }

    private static PushStreamHttpResult Export([AsParameters] Range range, CostQuery costs, CostReports reports, CancellationToken cancellationToken)
    {
        var filter = range.ToFilter(reports.Today);
        return TypedResults.Stream(
            async body =>
            {
                await using var writer = new StreamWriter(body, leaveOpen: true) { NewLine = "\r\n" };
                await CostCsv.WriteAsync(writer, costs.RowsAsync(filter, cancellationToken));
            },
            "text/csv; charset=utf-8",
            string.Create(CultureInfo.InvariantCulture, $"costs-{filter.From:yyyy-MM-dd}-{filter.Until:yyyy-MM-dd}.csv"));
    }

    /// <param name="From">This month's first day where it is left out.</param>
    /// <param name="Until">A month after <paramref name="From"/> where it is left out.</param>
    internal sealed record Range(DateOnly? From, DateOnly? Until, string? Module, string? WeddingId, string? Site, Guid? AlbumId)
    {
        internal CostFilter ToFilter(DateOnly today)
        {
            var from = From ?? new DateOnly(today.Year, today.Month, 1);
            return new CostFilter(from, Until ?? from.AddMonths(1), Module, WeddingId, Site, AlbumId);
        }
    }

    private sealed record Lines(DateOnly From, DateOnly Until, CostLine Total, IReadOnlyList<CostLine> Items);

    private sealed record Month(CostReport Report, IReadOnlyList<CostAlertRaised> Alerts);
}
