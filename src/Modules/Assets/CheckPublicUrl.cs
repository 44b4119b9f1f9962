using System.Globalization;
using Platform.Events;
using Platform.Http;
using Platform.Jobs;

namespace Assets;

/// <summary>
/// Asks for the first page of an environment once it serves another release, as a visitor does, and raises an alert where that takes too
/// long or fails. Safe to repeat.
/// </summary>
internal sealed record CheckPublicUrl(string Site, string Environment, int Release);

internal sealed class CheckPublicUrlHandler(EventStore store, OutboundHttp http, TimeProvider clock) : IJob<CheckPublicUrl>
{
    internal static JobRetry Retry { get; } = new(Attempts: 3, TimeSpan.FromSeconds(5), TimeSpan.FromMinutes(1));

    public async Task RunAsync(CheckPublicUrl command, CancellationToken cancellationToken)
    {
        var site = (await store.FoldAsync<Site, ISiteEvent>(command.Site, cancellationToken)).State;
        if (site.Environments[command.Environment] is not { PublicUrl: { } url } environment
            || site.Active.GetValueOrDefault(command.Environment)?.Release != command.Release)
        {
            return;
        }

        var startedAt = clock.GetTimestamp();
        var status = await AskAsync(new Uri(url), cancellationToken);
        var seconds = clock.GetElapsedTime(startedAt).TotalSeconds;
        var most = environment.Alerts.ResponseSeconds;
        var alert = status is not null
            ? new AlertRaised(command.Environment, AlertRaised.PublicUrlFailed, $"{url} {status}.", null, command.Release, clock.GetUtcNow())
            : seconds > most
                ? new AlertRaised(
                    command.Environment,
                    AlertRaised.PublicUrlSlow,
                    string.Create(CultureInfo.InvariantCulture, $"{url} took {seconds:0.0} s to answer; {most:0.#} s may."),
                    null,
                    command.Release,
                    clock.GetUtcNow())
                : null;
        if (alert is not null)
        {
            await store.DecideAsync<Site, ISiteEvent>(command.Site, state => Decide(state, alert), cancellationToken);
        }
    }

    public Task GaveUpAsync(CheckPublicUrl command, Exception error, CancellationToken cancellationToken) => Task.CompletedTask;

    /// <summary>A release is complained of once.</summary>
    internal static IReadOnlyList<ISiteEvent> Decide(Site site, AlertRaised alert) =>
        site.Alerts.Any(raised => raised with { At = alert.At, Detail = alert.Detail } == alert) ? [] : [alert];

    /// <returns>What is wrong; <see langword="null"/> for nothing.</returns>
    private async Task<string?> AskAsync(Uri url, CancellationToken cancellationToken)
    {
        try
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, url);
            using var answer = await http.SendAsync(request, onlyTo: null, cancellationToken);
            return answer.IsSuccessStatusCode ? null : $"answers {(int)answer.StatusCode}";
        }
        catch (HttpRequestException)
        {
            return "does not answer";
        }
        catch (OutboundRefusedException e)
        {
            return $"cannot be asked: {e.Message.TrimEnd('.')}";
        }
    }
}
