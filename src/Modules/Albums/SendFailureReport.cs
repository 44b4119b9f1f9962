using System.Globalization;
using Albums.Contracts;
using Platform.Accounts;
using Platform.Events;
using Platform.Jobs;
using Platform.Mail;

namespace Albums;

/// <summary>Tells all admins which albums failed, and why.</summary>
/// <param name="Version">Of the report.</param>
internal sealed record SendFailureReport(long Version);

internal sealed class SendFailureReportHandler(EventStore store, AdminMail admins, AlbumOptions options) : IJob<SendFailureReport>
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

        var layout = report.Count == 1 ? LayoutOf(failures[0]) : LayoutOf(report.Count, failures);
        await admins.SendAsync($"albums-failed-{command.Version}", layout, cancellationToken);
    }

    public Task GaveUpAsync(SendFailureReport command, Exception error, CancellationToken cancellationToken) => Task.CompletedTask; // lists show the failures

    // The detail stays here: it may name keys and servers, and mail is read elsewhere.
    private MailLayout LayoutOf((Guid AlbumId, string WeddingId, string Reason) failure) => new(
        new MailBrand(),
        $"An album of {failure.WeddingId} failed",
        [
            $"The album of {failure.WeddingId} could not be made: {AlbumFailure.Of(failure.Reason).Detail} ({failure.Reason})",
            "Nothing is lost. Once the cause is repaired, replay it: it goes on where it stopped.",
        ],
        [new MailButton("Look at the album", new Uri(options.Url, $"admin/albums/{failure.AlbumId}").ToString())],
        []);

    private MailLayout LayoutOf(int count, List<(Guid AlbumId, string WeddingId, string Reason)> failures) => new(
        new MailBrand(),
        string.Create(CultureInfo.InvariantCulture, $"{count} albums failed"),
        [
            string.Create(CultureInfo.InvariantCulture, $"{count} albums could not be made. The first of them:"),
            .. failures.Select(failure => $"{failure.WeddingId}: {AlbumFailure.Of(failure.Reason).Detail} ({failure.Reason})"),
            "Nothing is lost. Once the cause is repaired, replay them: they go on where they stopped.",
        ],
        [new MailButton("Look at all of them", new Uri(options.Url, "admin/albums?status=Failed").ToString())],
        [string.Create(CultureInfo.InvariantCulture, $"If more fail, the next mail about them comes in {FailureReport.Interval.TotalMinutes} minutes.")]);
}
