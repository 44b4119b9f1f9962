using Microsoft.Extensions.Localization;
using Platform.Accounts;
using Platform.Events;
using Platform.Jobs;
using Platform.Languages;
using Platform.Mail;

namespace Albums;

/// <summary>Tells all admins which albums failed, and why.</summary>
/// <param name="Version">Of the report.</param>
internal sealed record SendFailureReport(long Version);

internal sealed class SendFailureReportHandler(EventStore store, AdminMail admins, IStringLocalizer<Texts> texts, AlbumOptions options) : IJob<SendFailureReport>
{
    public async Task RunAsync(SendFailureReport command, CancellationToken cancellationToken)
    {
        var e = await store.ReadAsync($"{FailureReport.Category}-{FailureReport.StreamId}", command.Version, cancellationToken).FirstAsync(cancellationToken);
        var report = (FailuresReported)e.Payload;
        var failures = new List<(Guid AlbumId, string WeddingId, string Reason)>();
        foreach (var albumId in report.First)
        {
            var album = (await store.FoldAsync<Album, IAlbumEvent>(albumId, cancellationToken)).State;
            failures.Add((albumId, album.Request!.WeddingId, album.Failure?.Reason ?? "")); // it may have been replayed by now
        }

        await admins.SendAsync(
            $"albums-failed-{command.Version}",
            brand => report.Count == 1 ? LayoutOf(brand, failures[0]) : LayoutOf(brand, report.Count, failures),
            cancellationToken);
    }

    public Task GaveUpAsync(SendFailureReport command, Exception error, CancellationToken cancellationToken) => Task.CompletedTask; // lists show the failures

    // The detail stays here: it may name keys and servers, and mail is read elsewhere.
    private MailLayout LayoutOf(MailBrand brand, (Guid AlbumId, string WeddingId, string Reason) failure) => new(
        brand,
        texts["FailureMail.Subject", failure.WeddingId],
        [texts["FailureMail.Opening", failure.WeddingId, WhyOf(failure.Reason)], texts["FailureMail.Replay"]],
        [new MailButton(texts["FailureMail.Button"], new Uri(options.Url, $"admin/albums/{failure.AlbumId}").ToString())],
        []);

    private MailLayout LayoutOf(MailBrand brand, int count, List<(Guid AlbumId, string WeddingId, string Reason)> failures) => new(
        brand,
        texts["FailureMail.SubjectOfMore", count],
        [
            texts["FailureMail.OpeningOfMore", count],
            .. failures.Select(failure => $"{failure.WeddingId}: {WhyOf(failure.Reason)}"),
            texts["FailureMail.ReplayOfMore"],
        ],
        [new MailButton(texts["FailureMail.ButtonOfMore"], new Uri(options.Url, "admin/albums?status=Failed").ToString())],
        [texts["FailureMail.Next", FailureReport.Interval.TotalMinutes]]);

    private string WhyOf(string reason)
    {
        string why = reason switch
        {
            "NO_FILES" => texts["FailureMail.NoFiles"],
            "TOO_MANY_FILES" => texts["FailureMail.TooManyFiles"],
            "STORAGE_ERROR" => texts["FailureMail.Storage"],
            _ => texts["FailureMail.Other"],
        };
        return $"{why} ({reason})";
    }
}
