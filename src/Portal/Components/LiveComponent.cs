using System.Runtime.CompilerServices;
using Microsoft.AspNetCore.Components;

namespace Portal.Components;

/// <summary>Shows something that changes, until its page is left.</summary>
public abstract class LiveComponent : ComponentBase, IDisposable
{
    private readonly CancellationTokenSource gone = new();

    protected LiveComponent() => Gone = gone.Token; // asked for by what goes on after the page was left, too

    /// <summary>Cancelled once nobody looks any more.</summary>
    protected CancellationToken Gone { get; }

    /// <summary>Shows each item and renders. Call it from <c>OnAfterRenderAsync</c>: what is rendered in advance does not live.</summary>
    protected async Task FollowAsync<T>(IAsyncEnumerable<T> items, Action<T> show)
    {
        try
        {
            await foreach (var item in items.WithCancellation(Gone))
            {
                show(item);
                StateHasChanged();
            }
        }
        catch (OperationCanceledException) when (Gone.IsCancellationRequested)
        {
        }
    }

    /// <summary>Asks again and again, <paramref name="pause"/> apart.</summary>
    protected static async IAsyncEnumerable<T> PollAsync<T>(
        Func<CancellationToken, Task<T>> ask, TimeSpan pause, [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        while (true)
        {
            await Task.Delay(pause, cancellationToken);
            yield return await ask(cancellationToken);
        }
    }

    public void Dispose()
    {
        Dispose(disposing: true);
        GC.SuppressFinalize(this);
    }

    protected virtual void Dispose(bool disposing)
    {
        if (disposing)
        {
            gone.Cancel();
            gone.Dispose();
        }
    }
}
